import { Modal, Select, Textarea } from '@mantine/core';
import { z } from 'zod/mini';
import { Form, FormActions, useForm } from '@/ui/form';
import { CAUSES, type Cause } from '../model';
import type { Resolution } from '../queries';

const schema = z.object({
  note: z
    .string()
    .check(z.trim(), z.minLength(1, 'Say what was done.'), z.maxLength(4000, 'Use at most 4000 characters.')),
  cause_code: z.string(),
});
const DATA = CAUSES.map(([value, label]) => ({ value, label }));

/** Asks what was done and why it happened. Reports count by the cause. */
export function ResolveDialog({
  number,
  opened,
  onClose,
  run,
}: {
  number: string;
  opened: boolean;
  onClose: () => void;
  run: (r: Resolution) => Promise<unknown>;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Resolve ${number}`} size={480}>
      <Body onClose={onClose} run={run} />
    </Modal>
  );
}

function Body({ onClose, run }: { onClose: () => void; run: (r: Resolution) => Promise<unknown> }) {
  const form = useForm({
    schema,
    initial: { note: '', cause_code: 'unknown' as string },
    submit: (v) => run({ note: v.note, cause_code: v.cause_code as Cause }),
    done: onClose,
  });
  return (
    <Form form={form} label="Resolve">
      <Textarea
        label="What was done"
        withAsterisk
        autosize
        minRows={3}
        maxRows={10}
        data-autofocus
        placeholder="Restarted the pool; connections had run out."
        {...form.field('note')}
      />
      <Select label="Cause" data={DATA} allowDeselect={false} {...form.field('cause_code')} />
      <FormActions action="Resolve" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
