import { Select, Switch, TagsInput, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { z } from 'zod/mini';
import { useItemNames } from '@/lib/names';
import { useZone } from '@/lib/time';
import { DateTimeField } from '@/ui/DateTimeField';
import { Form, FormActions, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import { between, describe, localTime, repeats } from './maintenance';
import { planDowntime, savePlan } from './queries';

const OTHER = 'other';

const schema = z.object({
  title: z.string().check(z.trim(), z.minLength(1, 'Say what is done.')),
  items: z.array(z.string()),
  checks: z.array(z.string()),
  dependents: z.boolean(),
  repeat: z.string(),
  rule: z.string(),
  flexible: z.string(),
  starts_at: z.string(),
  ends_at: z.string().check(z.minLength(1, 'Say when it ends.')),
});

/** One window, or a plan that makes one again and again. */
export function Plan({ item, check, onDone }: { item?: string; check?: string; onDone: () => void }) {
  const zone = useZone();
  const timeZone = zone === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [repeat, setRepeat] = useState('');
  const [typed, setTyped] = useState('');
  const [asked] = useDebouncedValue(typed, 150);
  const names = useItemNames(asked);
  const soon = () => new Date(Math.ceil(Date.now() / 60_000) * 60_000);
  const [from, setFrom] = useState(() => soon().toISOString());
  const [to, setTo] = useState(() => new Date(soon().getTime() + 3_600_000).toISOString());
  const choices = useMemo(() => {
    const list = repeats(localTime(from, timeZone));
    // What was chosen stays when the first time moves.
    if (repeat && repeat !== OTHER && !list.some((r) => r.value === repeat))
      list.push({ value: repeat, label: describe(repeat) });
    return [...list, { value: OTHER, label: 'Another rule' }];
  }, [from, timeZone, repeat]);
  const form = useForm({
    schema,
    initial: {
      title: '',
      items: item ? [item] : ([] as string[]),
      checks: check ? [check] : ([] as string[]),
      dependents: false,
      repeat: '',
      rule: '',
      flexible: '',
      starts_at: from,
      ends_at: to,
    },
    submit: async (v) => {
      const { repeat, rule, starts_at, ends_at, title, ...rest } = v;
      const flexible = v.flexible.trim() || undefined;
      if (!repeat) {
        await planDowntime({ ...rest, flexible, title: title.trim(), starts_at, ends_at });
        return;
      }
      await savePlan(title.trim(), {
        ...rest,
        flexible,
        starts: localTime(starts_at, timeZone),
        time_zone: timeZone,
        repeat: repeat === OTHER ? rule.trim() : repeat,
        lasts: between(starts_at, ends_at),
      });
    },
    mapField: (p) => ({ repeat: 'rule', starts: 'starts_at', lasts: 'ends_at', name: 'title' })[p] ?? p,
    done: () => {
      done('The maintenance is planned.');
      onDone();
    },
  });
  form.mantine.watch('repeat', ({ value }) => setRepeat(value));
  const begins = form.path('starts_at');
  const ends = form.path('ends_at');
  return (
    <Form form={form} label="Maintenance">
      <TextInput
        label="What is done"
        withAsterisk
        placeholder="Upgrade of the database"
        data-autofocus
        {...form.field('title')}
      />
      <TagsInput
        label="Items"
        description="All checks of these items."
        data={names}
        onSearchChange={setTyped}
        {...form.field('items')}
      />
      <TagsInput label="Checks" description="Single checks, by name." {...form.field('checks')} />
      <Switch label="Also what depends on the items" {...form.check('dependents')} />
      <DateTimeField
        label="From"
        value={from}
        error={begins.error as string | undefined}
        onChange={(t) => {
          setFrom(t);
          form.mantine.setFieldValue('starts_at', t);
        }}
      />
      <DateTimeField
        label="To"
        withAsterisk
        value={to}
        error={ends.error as string | undefined}
        onChange={(t) => {
          setTo(t);
          form.mantine.setFieldValue('ends_at', t);
        }}
      />
      <Select
        label="Repeats"
        allowDeselect={false}
        data={choices}
        {...form.field('repeat')}
        description={repeat ? `On the clock of ${timeZone}.` : undefined}
      />
      {repeat === OTHER && (
        <TextInput
          label="Rule"
          withAsterisk
          placeholder="FREQ=MONTHLY;BYDAY=2TU"
          description="As in calendars (RFC 5545): daily, weekly, monthly or yearly."
          {...form.field('rule')}
        />
      )}
      <TextInput
        label="Flexible"
        placeholder="30m"
        description="If set, the first failure inside the window begins a maintenance of this length. Until then people are told as usual."
        {...form.field('flexible')}
      />
      <FormActions action="Plan" pending={form.pending} onCancel={onDone} />
    </Form>
  );
}
