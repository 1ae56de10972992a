import { NumberInput, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { z } from 'zod/mini';
import { Form, FormActions, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import classes from './ingest.module.css';
import { prefixesOf, withAllowed } from './model';
import { type Settings, saveSettings, settingsQuery } from './queries';

const allowedSchema = z.object({ prefixes: z.string() });

/** Who may send by a protocol that knows no tokens. */
export function AllowedForm({
  protocol,
  settings,
  onClose,
}: {
  protocol: string;
  settings: Settings;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const form = useForm({
    schema: allowedSchema,
    initial: { prefixes: (settings.allowed[protocol] ?? []).join('\n') },
    submit: (v) => saveSettings(withAllowed(settings, protocol, prefixesOf(v.prefixes))),
    done: (s) => {
      client.setQueryData(settingsQuery.queryKey, s);
      done('The addresses are changed.');
      onClose();
    },
    mapField: (f) => (f.startsWith('allowed.') ? 'prefixes' : f),
  });
  return (
    <Form form={form} label="Allowed addresses">
      <Textarea
        label="Addresses and prefixes"
        description="One on each line. Left empty, only this machine may send."
        placeholder={'10.0.0.0/8\n192.0.2.17'}
        autosize
        minRows={4}
        data-autofocus
        {...form.field('prefixes')}
      />
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

const whole = z.number('Give a number; 0 is no limit.').check(z.minimum(0, 'Give 0 for no limit, or more.'));
const limitsSchema = z.object({
  samples: whole,
  lines: whole,
  spans: whole,
  flows: whole,
  alerts: whole,
  mib: whole,
  series: whole,
});
const MIB = 1 << 20;

/** What each sender may send. */
export function LimitsForm({ settings, onClose }: { settings: Settings; onClose: () => void }) {
  const client = useQueryClient();
  const l = settings.limits;
  const form = useForm({
    schema: limitsSchema,
    initial: {
      samples: l.samples_per_second,
      lines: l.lines_per_second,
      spans: l.spans_per_second,
      flows: l.flows_per_second ?? 0,
      alerts: l.alerts_per_second ?? 0,
      mib: Math.round(l.bytes_per_second / MIB),
      series: l.series_per_source,
    },
    submit: (v) =>
      saveSettings({
        ...settings,
        limits: {
          samples_per_second: v.samples,
          lines_per_second: v.lines,
          spans_per_second: v.spans,
          flows_per_second: v.flows,
          alerts_per_second: v.alerts,
          bytes_per_second: v.mib * MIB,
          series_per_source: v.series,
        },
      }),
    done: (s) => {
      client.setQueryData(settingsQuery.queryKey, s);
      done('The limits are changed.');
      onClose();
    },
  });
  const props = { min: 0, allowDecimal: false, thousandSeparator: ',', hideControls: true } as const;
  return (
    <Form form={form} label="Limits">
      <p className={classes.lead}>0 is no limit. A sender that is over a limit is told to wait, or loses the rest.</p>
      <NumberInput label="Samples per second" {...props} {...form.field('samples')} />
      <NumberInput label="Log lines per second" {...props} {...form.field('lines')} />
      <NumberInput label="Spans per second" {...props} {...form.field('spans')} />
      <NumberInput label="Flow records per second" {...props} {...form.field('flows')} />
      <NumberInput label="Alerts per second" {...props} {...form.field('alerts')} />
      <NumberInput label="MiB per second" {...props} {...form.field('mib')} />
      <NumberInput label="Active series" {...props} {...form.field('series')} />
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
