import { ActionIcon, Autocomplete, Button, Modal, Select, Textarea, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { z } from 'zod/mini';
import { DateTimeField } from '@/ui/DateTimeField';
import { FieldGroup, Form, FormActions, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import classes from './alert.module.css';
import { type Matcher, SPANS } from './model';
import { createSilence } from './queries';

const schema = z.object({
  matchers: z
    .array(
      z.object({
        name: z.string().check(z.trim(), z.minLength(1, 'Name it.')),
        op: z.string(),
        value: z.string(),
      }),
    )
    .check(z.minLength(1, 'Give at least one condition.')),
  comment: z.string().check(z.trim(), z.minLength(1, 'Say why.')),
  span: z.string(),
  until: z.string(),
});
const checked = schema.check(
  z.refine((v) => v.span !== 'own' || v.until !== '', { path: ['until'], error: 'Say until when.' }),
);

/** The form of a silence. */
export function SilenceDialog({
  opened,
  onClose,
  matchers,
  onDone,
}: {
  opened: boolean;
  onClose: () => void;
  /** The conditions to begin with. */
  matchers: Matcher[];
  onDone: () => void;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title="Silence alerts" size={560}>
      <Body onClose={onClose} matchers={matchers} onDone={onDone} />
    </Modal>
  );
}

function Body({ onClose, matchers, onDone }: { onClose: () => void; matchers: Matcher[]; onDone: () => void }) {
  const form = useForm({
    schema: checked,
    initial: {
      matchers: (matchers.length ? matchers : [{ name: 'item', value: '', regex: false }]).map((m) => ({
        name: m.name,
        op: m.regex ? '~' : '=',
        value: m.value,
      })),
      comment: '',
      span: '2',
      until: '',
    },
    submit: (v) =>
      createSilence({
        matchers: v.matchers.map((m) => ({ name: m.name, value: m.value, regex: m.op === '~' || undefined })),
        comment: v.comment,
        ends_at: v.span === 'own' ? v.until : new Date(Date.now() + Number(v.span) * 3_600_000).toISOString(),
      }),
    done: () => {
      done('Silence added.');
      onDone();
      onClose();
    },
    mapField: (p) => (p === 'ends_at' ? 'until' : p),
  });
  const f = form.mantine;
  const list = f.getValues().matchers;
  const [span, setSpan] = useState('2');
  const [until, setUntil] = useState('');
  f.watch('span', ({ value }) => setSpan(value));
  return (
    <Form form={form} label="Silence">
      <FieldGroup title="Alerts that fit" hint="All conditions must hold. Monitoring goes on; only nobody is told.">
        {list.map((_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the form keeps its values by index
          <div className={classes.matcher} key={i}>
            <Autocomplete
              size="xs"
              aria-label={`Name of condition ${i + 1}`}
              placeholder="item"
              data={['item', 'check', 'severity']}
              {...form.path(`matchers.${i}.name`)}
            />
            <Select
              aria-label={`Kind of condition ${i + 1}`}
              allowDeselect={false}
              data={[
                { value: '=', label: 'is' },
                { value: '~', label: 'matches' },
              ]}
              {...form.path(`matchers.${i}.op`)}
            />
            <TextInput
              aria-label={`Value of condition ${i + 1}`}
              placeholder="shop-web"
              {...form.path(`matchers.${i}.value`)}
            />
            <ActionIcon
              aria-label={`Remove condition ${i + 1}`}
              size={28}
              disabled={list.length === 1}
              onClick={() => f.removeListItem('matchers', i)}
            >
              <IconX size={14} />
            </ActionIcon>
          </div>
        ))}
        <div>
          <Button
            variant="default"
            leftSection={<IconPlus size={13} />}
            onClick={() => f.insertListItem('matchers', { name: '', op: '=', value: '' })}
          >
            Add a condition
          </Button>
        </div>
      </FieldGroup>
      <Select label="For" data={SPANS} allowDeselect={false} {...form.field('span')} />
      {span === 'own' && (
        <DateTimeField
          label="Until"
          withAsterisk
          value={until}
          error={form.path('until').error}
          onChange={(v) => {
            setUntil(v);
            f.setFieldValue('until', v);
          }}
        />
      )}
      <Textarea
        label="Why"
        withAsterisk
        autosize
        minRows={2}
        placeholder="The provider replaces a disk until noon."
        {...form.field('comment')}
      />
      <FormActions action="Silence" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
