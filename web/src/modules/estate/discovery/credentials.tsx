import { Button, Modal, NumberInput, PasswordInput, Select, TextInput } from '@mantine/core';
import { IconPlus, IconShieldLock } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import type { Credential } from './model';
import { credentialsQuery } from './queries';

export const Route = createLazyRoute('/settings/credentials')({ component: Page });

const VERSIONS = [
  { value: '2c', label: 'SNMP v2c' },
  { value: '3', label: 'SNMP v3' },
  { value: '1', label: 'SNMP v1' },
];
const AUTH = ['SHA256', 'SHA512', 'SHA384', 'SHA224', 'SHA', 'MD5'];
const PRIV = ['AES', 'AES256', 'AES256C', 'AES192', 'AES192C', 'DES'];

const protection = (c: Credential) =>
  c.version === '3' ? [c.auth_protocol, c.priv_protocol].filter(Boolean).join(' + ') || 'none' : 'community, in clear';

const COLUMNS: Column<Credential>[] = [
  { id: 'name', label: 'Name', min: 180, main: true, render: (r) => r.name },
  { id: 'type', label: 'Type', width: 110, render: (r) => `SNMP v${r.version}` },
  { id: 'user', label: 'User', min: 120, render: (r) => r.user || <span className="muted">–</span> },
  { id: 'protection', label: 'Protection', min: 160, render: protection },
  { id: 'port', label: 'Port', width: 70, right: true, render: (r) => r.port || 161 },
  { id: 'devices', label: 'Devices', width: 80, right: true, render: (r) => integer(r.devices) },
  { id: 'updated', label: 'Changed', width: 110, right: true, render: (r) => <Time at={r.updated_at} /> },
];
const card = (r: Credential) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">SNMP v{r.version}</span>
    <span className="muted">{protection(r)}</span>
    <span className="num">{integer(r.devices)} devices</span>
  </>
);
const idOf = (r: Credential) => r.name;
const NONE: Credential[] = [];

function Page() {
  const query = useQuery(credentialsQuery);
  useLiveQuery('discovery', ['credentials']);
  const may = useCan()('credential.write');
  const client = useQueryClient();
  const [open, setOpen] = useState<Credential | 'new'>();
  const [removing, setRemoving] = useState<Credential>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const close = () => setOpen(undefined);
  const add = (
    <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
      Add a credential
    </Button>
  );
  return (
    <>
      <PageHead title="Credentials">
        {query.data && <RowCount rows={rows} one="credential" many="credentials" />}
        <Spacer />
        {may && add}
      </PageHead>
      <Loaded query={query} what="The credentials">
        {() => (
          <DataGrid
            label="Credentials"
            columns={COLUMNS}
            rows={rows}
            card={card}
            onOpen={may ? setOpen : undefined}
            empty={
              <EmptyState
                icon={IconShieldLock}
                title="No credential"
                hint="A credential lets discovery read devices by SNMP. It is kept encrypted and never shown again."
              >
                {may && add}
              </EmptyState>
            }
          />
        )}
      </Loaded>
      <Modal opened={!!open} onClose={close} title={open === 'new' ? 'Add a credential' : open?.name} size={520}>
        {open && (
          <Editor
            old={open === 'new' ? undefined : open}
            onClose={close}
            onRemove={(c) => {
              close();
              setRemoving(c);
            }}
          />
        )}
      </Modal>
      <ConfirmDialog
        opened={!!removing}
        onClose={() => setRemoving(undefined)}
        title={`Remove credential ${removing?.name ?? ''}?`}
        action="Remove"
        run={async () => {
          await call(http.DELETE('/api/v1/credentials/{name}', { params: { path: { name: removing?.name ?? '' } } }));
          await client.invalidateQueries({ queryKey: ['credentials'] });
          done('The credential is removed.');
        }}
      >
        Devices that were read with it are no longer read until another credential works.
      </ConfirmDialog>
    </>
  );
}

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  version: z.string(),
  port: z.union([z.number(), z.string()]),
  community: z.string(),
  user: z.string(),
  auth_protocol: z.nullable(z.string()),
  auth_password: z.string(),
  priv_protocol: z.nullable(z.string()),
  priv_password: z.string(),
  context: z.string(),
});

function Editor({
  old,
  onClose,
  onRemove,
}: {
  old: Credential | undefined;
  onClose: () => void;
  onRemove: (c: Credential) => void;
}) {
  const client = useQueryClient();
  const [version, setVersion] = useState<string>(old?.version ?? '2c');
  const form = useForm({
    schema,
    initial: {
      name: old?.name ?? '',
      version: (old?.version ?? '2c') as string,
      port: (old?.port ?? 161) as number | string,
      community: '',
      user: old?.user ?? '',
      auth_protocol: (old ? (old.auth_protocol ?? null) : 'SHA256') as string | null,
      auth_password: '',
      priv_protocol: (old ? (old.priv_protocol ?? null) : 'AES') as string | null,
      priv_password: '',
      context: old?.context ?? '',
    },
    submit: (v) => {
      const port = Number(v.port) || undefined;
      return call(
        http.PUT('/api/v1/credentials/{name}', {
          params: { path: { name: v.name.trim() } },
          body:
            v.version === '3'
              ? {
                  version: '3',
                  port,
                  user: v.user,
                  auth_protocol: v.auth_protocol ?? undefined,
                  auth_password: v.auth_password || undefined,
                  priv_protocol: v.priv_protocol ?? undefined,
                  priv_password: v.priv_password || undefined,
                  context: v.context || undefined,
                }
              : { version: v.version as '1' | '2c', port, community: v.community || undefined },
        }),
      );
    },
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['credentials'] });
      done(`Credential ${v.name} saved.`);
      onClose();
    },
  });
  form.mantine.watch('version', ({ value }) => setVersion(value));
  const keep = old ? 'One is set. Left empty, it stays.' : undefined;
  return (
    <Form form={form} label="Credential">
      <TextInput label="Name" withAsterisk disabled={!!old} placeholder="office switches" {...form.field('name')} />
      <Row>
        <Select label="Type" data={VERSIONS} allowDeselect={false} {...form.field('version')} />
        <NumberInput label="UDP port" min={1} max={65_535} {...form.field('port')} />
      </Row>
      {version === '3' ? (
        <>
          <Row>
            <TextInput label="User" withAsterisk autoComplete="off" {...form.field('user')} />
            <TextInput label="Context" placeholder="none" {...form.field('context')} />
          </Row>
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
      {old && <Trial name={old.name} />}
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {old ? (
          <Button variant="default" onClick={() => onRemove(old)}>
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

/** Reads one device with the credential as it is saved. */
function Trial({ name }: { name: string }) {
  const [address, setAddress] = useState('');
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<{ ok: boolean; message: string }>();
  const run = async () => {
    setBusy(true);
    try {
      const t = await call(
        http.POST('/api/v1/credentials/{name}/test', { params: { path: { name } }, body: { address: address.trim() } }),
      );
      setSaid({ ok: t.ok, message: [t.message, t.name, t.about].filter(Boolean).join(' · ') });
    } catch (e) {
      failed('The test', e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div style={{ display: 'flex', gap: 8, alignItems: 'flex-end', flexWrap: 'wrap' }}>
      <TextInput
        label="Try it on a device"
        placeholder="10.0.0.1"
        value={address}
        onChange={(e) => setAddress(e.currentTarget.value)}
        style={{ flex: 1 }}
      />
      <Button variant="default" loading={busy} disabled={!address.trim()} onClick={() => void run()}>
        Try
      </Button>
      {said && (
        <div role="status" style={{ flexBasis: '100%', color: said.ok ? 'var(--st-ok)' : 'var(--st-down)' }}>
          {said.message}
        </div>
      )}
    </div>
  );
}
