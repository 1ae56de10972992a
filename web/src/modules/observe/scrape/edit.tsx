import { Modal, NumberInput, PasswordInput, Select, Textarea, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import { linesOf, parseLabels, specOf } from './model';
import { type Job, putJob, type Spec } from './queries';

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give it a name; it becomes the label job.')),
  targets: z.string(),
  every: z.string(),
  scheme: z.string(),
  path: z.string(),
  labels: z.string().check(z.refine((v) => !parseLabels(v).bad, 'Write them as env=prod, team=web.')),
  dns: z.string(),
  dnsType: z.string(),
  dnsPort: z.union([z.number(), z.literal('')]),
  http: z.string(),
  limit: z.union([z.number(), z.literal('')]),
  login: z.string(),
  user: z.string(),
  secret: z.string(),
});
type Values = z.infer<typeof schema>;

const EVERY = ['5s', '10s', '15s', '30s', '1m0s', '5m0s'];

/** Adds a job, or changes the given one. */
export function JobDialog({
  job,
  opened,
  onClose,
  onSaved,
}: {
  job?: Job;
  opened: boolean;
  onClose: () => void;
  onSaved: (name: string) => void;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title={job ? `Change ${job.name}` : 'Add a scrape job'} size={600}>
      {opened && <JobForm job={job} onClose={onClose} onSaved={onSaved} />}
    </Modal>
  );
}

/** The job that the form describes; what the form does not show stays as it is. */
export function toSpec(v: Values, old?: Job): Spec {
  const names = linesOf(v.dns);
  const {
    targets: _t,
    labels: _l,
    dns: _d,
    http: _h,
    basic: _b,
    bearer: _r,
    ...rest
  } = old ? specOf(old) : ({} as Spec);
  return {
    ...rest,
    name: v.name.trim(),
    every: v.every,
    timeout: undefined,
    scheme: v.scheme as 'http' | 'https',
    path: v.path || undefined,
    targets: linesOf(v.targets),
    labels: parseLabels(v.labels).labels,
    dns: names.length
      ? { names, type: v.dnsType as 'SRV', port: v.dnsType === 'SRV' ? undefined : v.dnsPort || undefined }
      : undefined,
    http: v.http ? { url: v.http } : undefined,
    sample_limit: v.limit || undefined,
    basic: v.login === 'basic' ? { user: v.user, password: v.secret || undefined } : undefined,
    bearer: v.login === 'bearer' ? { secret: v.secret || undefined } : undefined,
  };
}

function JobForm({ job, onClose, onSaved }: { job?: Job; onClose: () => void; onSaved: (name: string) => void }) {
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: {
      name: job?.name ?? '',
      targets: (job?.targets ?? []).join('\n'),
      every: job?.every ?? '15s',
      scheme: job?.scheme ?? 'http',
      path: job?.path ?? '/metrics',
      labels: Object.entries(job?.labels ?? {})
        .map(([k, v]) => `${k}=${v}`)
        .join(', '),
      dns: (job?.dns?.names ?? []).join(', '),
      dnsType: job?.dns?.type ?? 'SRV',
      dnsPort: (job?.dns?.port || '') as number | '',
      http: job?.http?.url ?? '',
      limit: (job?.sample_limit || '') as number | '',
      login: job?.basic ? 'basic' : job?.bearer ? 'bearer' : '',
      user: job?.basic?.user ?? '',
      secret: '',
    },
    submit: (v) => putJob(toSpec(v, job)),
    done: (j) => {
      void client.invalidateQueries({ queryKey: ['scrape-jobs'] });
      done(job ? 'The job is changed.' : 'The job is added.');
      onClose();
      onSaved(j.name);
    },
    mapField: (f) => {
      const head = f.replace(/^body\./, '').split(/[.[]/)[0] ?? f;
      if (head === 'sample_limit') return 'limit';
      if (head === 'basic') return f.includes('user') ? 'user' : 'secret';
      if (head === 'bearer') return 'secret';
      if (head === 'dns' && f.includes('port')) return 'dnsPort';
      return head;
    },
  });
  const [login, setLogin] = useState(form.mantine.getValues().login);
  const [dnsType, setDnsType] = useState(form.mantine.getValues().dnsType);
  form.mantine.watch('login', ({ value }) => setLogin(value));
  form.mantine.watch('dnsType', ({ value }) => setDnsType(value));
  return (
    <Form form={form} label="Scrape job">
      <Row>
        <TextInput
          label="Name"
          withAsterisk
          disabled={!!job}
          placeholder="node"
          data-autofocus={!job || undefined}
          {...form.field('name')}
        />
        <Select
          label="Every"
          allowDeselect={false}
          data={[...new Set([...EVERY, job?.every ?? '15s'])].map((v) => ({
            value: v,
            label: v.replace(/m0s$/, 'm'),
          }))}
          {...form.field('every')}
        />
      </Row>
      <Textarea
        label="Targets"
        description="Host and port, one on each line."
        placeholder={'web-1:9100\nweb-2:9100'}
        autosize
        minRows={3}
        maxRows={12}
        {...form.field('targets')}
      />
      <Row>
        <Select label="Scheme" data={['http', 'https']} allowDeselect={false} {...form.field('scheme')} />
        <TextInput label="Path" {...form.field('path')} />
      </Row>
      <Row>
        <TextInput label="Labels" placeholder="env=prod, team=web" {...form.field('labels')} />
        <NumberInput
          label="Sample limit"
          description="A read with more counts as failed."
          min={0}
          hideControls
          placeholder="No limit"
          {...form.field('limit')}
        />
      </Row>
      <FieldGroup title="Find more targets" hint="Files and rules for labels are kept in ops.yaml.">
        <Row>
          <TextInput label="DNS names" placeholder="_metrics._tcp.shop.example.org" {...form.field('dns')} />
          <Select label="Records" data={['SRV', 'A', 'AAAA']} allowDeselect={false} {...form.field('dnsType')} />
          {dnsType !== 'SRV' && (
            <NumberInput label="Port" min={1} max={65535} hideControls {...form.field('dnsPort')} />
          )}
        </Row>
        <TextInput
          label="Address of a list"
          description="It answers with targets in Prometheus' HTTP discovery format."
          placeholder="https://targets.example.org/prometheus"
          {...form.field('http')}
        />
      </FieldGroup>
      <FieldGroup title="Sign-in">
        <Row>
          <Select
            label="How"
            allowDeselect={false}
            data={[
              { value: '', label: 'None' },
              { value: 'basic', label: 'User and password' },
              { value: 'bearer', label: 'Token' },
            ]}
            {...form.field('login')}
          />
          {login === 'basic' && <TextInput label="User" {...form.field('user')} />}
          {login !== '' && (
            <PasswordInput
              label={login === 'basic' ? 'Password' : 'Token'}
              placeholder={job?.has_secret ? 'As it is' : ''}
              autoComplete="off"
              {...form.field('secret')}
            />
          )}
        </Row>
      </FieldGroup>
      <FormActions action={job ? 'Save' : 'Add'} pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
