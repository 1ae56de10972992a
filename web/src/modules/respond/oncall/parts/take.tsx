import { Modal, Select } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { usePeople } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { DateTimeField } from '@/ui/DateTimeField';
import { Form, FormActions, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import { takeShift } from '../queries';

export interface Wish {
  schedule: string;
  from: string;
  to: string;
}

const schema = z
  .object({
    schedule: z.string().check(z.minLength(1, 'Choose a schedule.')),
    person: z.nullable(z.string()),
    from: z.string(),
    to: z.string(),
  })
  .check(z.refine((v) => v.to > v.from, { path: ['to'], error: 'The end must be after the start.' }));

/** Takes a shift, or a part of one, from whoever has it. */
export function TakeShift({
  wish,
  schedules,
  onClose,
}: {
  wish: Wish | undefined;
  schedules: string[];
  onClose: () => void;
}) {
  return (
    <Modal opened={!!wish} onClose={onClose} title="Take a shift" size={440}>
      {wish && <Body wish={wish} schedules={schedules} onClose={onClose} />}
    </Modal>
  );
}

function Body({ wish, schedules, onClose }: { wish: Wish; schedules: string[]; onClose: () => void }) {
  const client = useQueryClient();
  const people = usePeople().filter((p) => !p.disabled);
  const others = useCan()('oncall.write');
  const [time, setTime] = useState({ from: wish.from, to: wish.to });
  const form = useForm({
    schema,
    initial: { schedule: wish.schedule, person: null as string | null, from: wish.from, to: wish.to },
    submit: (v) => takeShift(v.schedule, { person: v.person || undefined, from: v.from, to: v.to }),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['oncall'] });
      done('The shift is taken.');
      onClose();
    },
  });
  const change = (k: 'from' | 'to') => (v: string) => {
    setTime((t) => ({ ...t, [k]: v }));
    form.mantine.setFieldValue(k, v);
  };
  return (
    <Form form={form} label="Shift">
      <Select label="Schedule" data={schedules} allowDeselect={false} {...form.field('schedule')} />
      {others && (
        <Select
          label="Who takes it"
          placeholder="You"
          clearable
          searchable
          data={people.map((p) => ({ value: p.email, label: p.name }))}
          {...form.field('person')}
        />
      )}
      <DateTimeField label="From" value={time.from} onChange={change('from')} error={form.path('from').error} />
      <DateTimeField label="To" value={time.to} onChange={change('to')} error={form.path('to').error} />
      <FormActions action="Take the shift" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
