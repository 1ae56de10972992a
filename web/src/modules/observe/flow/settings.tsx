import { Checkbox, NumberInput, Textarea } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import { KINDS } from './model';
import { type JudgeSettings, judgingQuery, saveJudging } from './queries';

const schema = z.object({
  ignore: z.string(),
  inside: z.string(),
  learning_hours: z.number(),
  scan_ports: z.number(),
  sweep_hosts: z.number(),
  fan_out_hosts: z.number(),
  outflow_mb: z.number(),
  flood_packets: z.number(),
  flood_sources: z.number(),
  factor: z.number(),
});

const lines = (s: string) =>
  s
    .split(/[\s,]+/)
    .map((l) => l.trim())
    .filter(Boolean);

/** What is judged, from where on, and what is never the reason. */
export function JudgeForm({
  settings: s,
  may,
  onClose,
}: {
  settings: JudgeSettings;
  may: boolean;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [off, setOff] = useState<JudgeSettings['off']>(s.off);
  const form = useForm({
    schema,
    initial: { ...s, ignore: s.ignore.join('\n'), inside: s.inside.join('\n') },
    submit: (v) => saveJudging({ ...s, ...v, off, ignore: lines(v.ignore), inside: lines(v.inside) }),
    done: (v) => {
      client.setQueryData(judgingQuery.queryKey, v);
      done('Traffic is judged by these settings from now on.');
      onClose();
    },
    mapField: (f) => f.replace(/\[\d+\]$/, ''),
  });
  const n = { allowDecimal: false, thousandSeparator: ',', hideControls: true, disabled: !may } as const;
  return (
    <Form form={form} label="How traffic is judged">
      <FieldGroup title="What is judged">
        {(Object.keys(KINDS) as (keyof typeof KINDS)[]).map((k) => (
          <Checkbox
            key={k}
            label={KINDS[k]}
            disabled={!may}
            checked={!off.includes(k)}
            onChange={(e) => {
              const on = e.currentTarget.checked;
              setOff((o) => (on ? o.filter((x) => x !== k) : [...o, k]));
            }}
          />
        ))}
      </FieldGroup>
      <FieldGroup title="From where on, in five minutes">
        <Row>
          <NumberInput label="Ports of a scan" {...n} {...form.field('scan_ports')} />
          <NumberInput label="Addresses of a sweep" {...n} {...form.field('sweep_hosts')} />
        </Row>
        <Row>
          <NumberInput label="Addresses of a fan-out" {...n} {...form.field('fan_out_hosts')} />
          <NumberInput label="MB to the outside" {...n} {...form.field('outflow_mb')} />
        </Row>
        <Row>
          <NumberInput label="Packets a second of a flood" {...n} {...form.field('flood_packets')} />
          <NumberInput label="Senders of a flood" {...n} {...form.field('flood_sources')} />
        </Row>
        <Row>
          <NumberInput label="Times what is usual" {...n} allowDecimal {...form.field('factor')} />
          <NumberInput label="Hours of learning" {...n} {...form.field('learning_hours')} />
        </Row>
      </FieldGroup>
      <Textarea
        label="Never the reason"
        description="Addresses and networks, one on each line: scanners, monitoring, backup."
        autosize
        minRows={2}
        disabled={!may}
        {...form.field('ignore')}
      />
      <Textarea
        label="Yours besides private networks"
        description="The networks of the address plan are yours anyway."
        autosize
        minRows={2}
        disabled={!may}
        {...form.field('inside')}
      />
      {may && <FormActions action="Save" pending={form.pending} onCancel={onClose} />}
    </Form>
  );
}
