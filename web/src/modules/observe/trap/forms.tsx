import { Button, NumberInput, PasswordInput, Select, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { done, failed } from '@/ui/toast';
import type { Credential, Settings } from './model';

const VERSIONS = [
  { value: '2c', label: 'SNMP v1 and v2c' },
  { value: '3', label: 'SNMP v3' },
];
const AUTH = ['SHA256', 'SHA512', 'SHA384', 'SHA224', 'SHA', 'MD5'];
const PRIV = ['AES', 'AES256', 'AES256C', 'AES192', 'AES192C', 'DES'];

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  version: z.string(),
  community: z.string(),
  user: z.string(),
  auth_protocol: z.nullable(z.string()),
  auth_password: z.string(),
  priv_protocol: z.nullable(z.string()),
  priv_password: z.string(),
});

/** A community or a user. */
export function CredentialForm({ old, onClose }: { old: Credential | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const [version, setVersion] = useState<string>(old?.version ?? '2c');
  const [removing, setRemoving] = useState(false);
  const form = useForm({
    schema,
    initial: {
      name: old?.name ?? '',
      version: (old?.version ?? '2c') as string,
      community: '',
      user: old?.user ?? '',
      auth_protocol: (old ? (old.auth_protocol ?? null) : 'SHA256') as string | null,
      auth_password: '',
      priv_protocol: (old ? (old.priv_protocol ?? null) : 'AES') as string | null,
      priv_password: '',
    },
    submit: (v) =>
      call(
        http.PUT('/api/v1/trap-credentials/{name}', {
          params: { path: { name: v.name.trim() } },
          body:
            v.version === '3'
              ? {
                  version: '3',
                  user: v.user,
                  auth_protocol: v.auth_protocol ?? undefined,
                  auth_password: v.auth_password || undefined,
                  priv_protocol: v.priv_protocol ?? undefined,
                  priv_password: v.priv_password || undefined,
                }
              : { version: '2c', community: v.community || undefined },
        }),
      ),
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['trap-credentials'] });
      done(`${v.name} may send.`);
      onClose();
    },
  });
  form.mantine.watch('version', ({ value }) => setVersion(value));
  const keep = old ? 'One is set. Left empty, it stays.' : undefined;
  const remove = async () => {
    setRemoving(true);
    try {
      await call(http.DELETE('/api/v1/trap-credentials/{name}', { params: { path: { name: old?.name ?? '' } } }));
      await client.invalidateQueries({ queryKey: ['trap-credentials'] });
      done(`${old?.name} may not send any more.`);
      onClose();
    } catch (e) {
      failed('Removing', e);
    } finally {
      setRemoving(false);
    }
  };
  return (
    <Form form={form} label="Who may send">
      <Row>
        <TextInput label="Name" withAsterisk disabled={!!old} placeholder="office switches" {...form.field('name')} />
        <Select label="Version" data={VERSIONS} allowDeselect={false} {...form.field('version')} />
      </Row>
      {version === '3' ? (
        <>
          <TextInput label="User" withAsterisk autoComplete="off" {...form.field('user')} />
          <Row>
            <Select label="Authentication" data={AUTH} clearable placeholder="none" {...form.field('auth_protocol')} />
            <PasswordInput label="Password" description={keep} autoComplete="off" {...form.field('auth_password')} />
          </Row>
          <Row>
            <Select label="Privacy" data={PRIV} clearable placeholder="none" {...form.field('priv_protocol')} />
            <PasswordInput
              label="Privacy password"
              description={keep}
              autoComplete="off"
              {...form.field('priv_password')}
            />
          </Row>
        </>
      ) : (
        <PasswordInput
          label="Community"
          withAsterisk={!old}
          description={keep ?? 'It goes over the network in clear; version 3 does not.'}
          autoComplete="off"
          {...form.field('community')}
        />
      )}
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {old ? (
          <Button variant="default" loading={removing} onClick={() => void remove()}>
            Remove
          </Button>
        ) : (
          <span />
        )}
        <FormActions action="Save" pending={form.pending} onCancel={onClose} />
      </div>
    </Form>
  );
}

const limits = z.object({
  retention_days: z.number('Give a number of days.'),
  max_events: z.number('Give a number.'),
  per_second: z.number('Give a number.'),
  burst: z.number('Give a number.'),
});

/** How much is kept and taken. */
export function SettingsForm({ settings: s }: { settings: Settings }) {
  const client = useQueryClient();
  const form = useForm({
    schema: limits,
    initial: {
      retention_days: s.retention_days,
      max_events: s.max_events,
      per_second: s.per_second,
      burst: s.burst,
    },
    submit: (v) => call(http.PUT('/api/v1/trap-settings', { body: v })),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['trap-receiver'] });
      done('The limits are saved.');
    },
  });
  return (
    <Form form={form} label="Limits">
      <Row>
        <NumberInput label="Keep events for days" min={1} max={3650} {...form.field('retention_days')} />
        <NumberInput
          label="At most events"
          min={1000}
          max={100_000_000}
          thousandSeparator=","
          {...form.field('max_events')}
        />
      </Row>
      <Row>
        <NumberInput label="Events of one sender in a second" min={1} max={10_000} {...form.field('per_second')} />
        <NumberInput label="At once" min={1} max={100_000} {...form.field('burst')} />
      </Row>
      <FormActions action="Save" pending={form.pending} />
    </Form>
  );
}
