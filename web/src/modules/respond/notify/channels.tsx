import { Button, Modal, PasswordInput, Select, TagsInput, TextInput } from '@mantine/core';
import { IconMail, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { done, failed } from '@/ui/toast';
import { type Channel, goesTo, KINDS, type Kind, kindLabel } from './model';

export const Route = createLazyRoute('/settings/channels')({ component: Page });

const card = (r: Channel) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{kindLabel(r.type)}</span>
    <span>{goesTo(r)}</span>
    <span />
  </>
);
const idOf = (r: Channel) => r.name;
const NONE: Channel[] = [];

/** Sends a test message and says what became of it. */
async function test(name: string): Promise<void> {
  try {
    const d = await call(http.POST('/api/v1/channels/{name}/test', { params: { path: { name } } }));
    const bad = (d.items ?? []).find((n) => n.state !== 'sent');
    if (bad) failed(`The test of ${name}`, new Error(bad.last_error || 'The message was not delivered.'));
    else done(`${name} took the test message.`);
  } catch (e) {
    failed(`The test of ${name}`, e);
  }
}

function Page() {
  const query = useQuery({
    queryKey: ['channels'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/channels', { signal })),
  });
  useLiveQuery('channels', ['channels']);
  const may = useCan()('channel.write');
  const client = useQueryClient();
  const [open, setOpen] = useState<Channel | 'new'>();
  const [removing, setRemoving] = useState<Channel>();
  const [testing, setTesting] = useState<string>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const close = () => setOpen(undefined);
  const columns = useMemo<Column<Channel>[]>(
    () => [
      { id: 'name', label: 'Name', min: 160, main: true, render: (r) => r.name },
      { id: 'type', label: 'Type', width: 140, render: (r) => kindLabel(r.type) },
      { id: 'to', label: 'Goes to', min: 260, render: (r) => <span title={goesTo(r)}>{goesTo(r)}</span> },
      ...(may
        ? [
            {
              id: 'test',
              label: 'Action',
              width: 72,
              right: true,
              render: (r: Channel) => (
                <Button
                  variant="default"
                  size="compact-xs"
                  tabIndex={-1}
                  loading={testing === r.name}
                  onClick={() => {
                    setTesting(r.name);
                    void test(r.name).finally(() => setTesting(undefined));
                  }}
                >
                  Test
                </Button>
              ),
            },
          ]
        : []),
    ],
    [may, testing],
  );
  return (
    <>
      <PageHead title="Channels">
        {query.data && <RowCount rows={rows} one="channel" many="channels" />}
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
            Add a channel
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The channels">
        {() => (
          <DataGrid
            label="Channels"
            columns={columns}
            rows={rows}
            card={card}
            onOpen={may ? setOpen : undefined}
            empty={
              <EmptyState
                icon={IconMail}
                title="No channel"
                hint="A channel tells a mailbox, a chat or another program of incidents. Escalations name it."
              />
            }
          />
        )}
      </Loaded>
      <Modal opened={!!open} onClose={close} title={open === 'new' ? 'Add a channel' : open?.name} size={500}>
        {open && (
          <Editor
            channel={open === 'new' ? undefined : open}
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
        title={`Remove channel ${removing?.name ?? ''}?`}
        action="Remove"
        run={async () => {
          await call(http.DELETE('/api/v1/channels/{name}', { params: { path: { name: removing?.name ?? '' } } }));
          await client.invalidateQueries({ queryKey: ['channels'] });
          done('The channel is removed.');
        }}
      >
        Its address and secret go too. What it was told stays in the log.
      </ConfirmDialog>
    </>
  );
}

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  type: z.string(),
  to: z.array(z.string()),
  url: z.string(),
  secret: z.string(),
});

function Editor({
  channel: c,
  onClose,
  onRemove,
}: {
  channel: Channel | undefined;
  onClose: () => void;
  onRemove: (c: Channel) => void;
}) {
  const client = useQueryClient();
  const [type, setType] = useState<string>(c?.type ?? 'email');
  const form = useForm({
    schema,
    initial: {
      name: c?.name ?? '',
      type: (c?.type ?? 'email') as string,
      to: c?.email?.to ?? [],
      url: c && c.type !== 'email' ? goesTo(c) : '',
      secret: '',
    },
    submit: (v) =>
      call(
        http.PUT('/api/v1/channels/{name}', {
          params: { path: { name: v.name } },
          body:
            v.type === 'email'
              ? { email: { to: v.to } }
              : v.type === 'webhook'
                ? { webhook: { ...c?.webhook, url: v.url, secret: v.secret || undefined } }
                : v.type === 'slack'
                  ? { slack: { url: v.url } }
                  : { teams: { url: v.url } },
        }),
      ),
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['channels'] });
      done(`Channel ${v.name} saved.`);
      onClose();
    },
    mapField: (p) => p.replace(/^(email|webhook|slack|teams)\./, ''),
  });
  form.mantine.watch('type', ({ value }) => setType(value));
  return (
    <Form form={form} label="Channel">
      <TextInput label="Name" withAsterisk disabled={!!c} placeholder="ops-chat" {...form.field('name')} />
      <Select
        label="Type"
        data={KINDS as { value: Kind; label: string }[]}
        allowDeselect={false}
        disabled={!!c}
        {...form.field('type')}
      />
      {type === 'email' ? (
        <TagsInput
          label="Addresses"
          withAsterisk
          description="The mail server is set under Mail server."
          placeholder="ops@example.org"
          {...form.field('to')}
        />
      ) : (
        <TextInput
          label="Address of the hook"
          withAsterisk
          type="url"
          placeholder="https://hooks.example.org/services/…"
          {...form.field('url')}
        />
      )}
      {type === 'webhook' && (
        <PasswordInput
          label="Signing secret"
          description={
            c?.secret_set
              ? 'One is set. Left empty, it stays as long as the host stays the same.'
              : 'Messages are signed with it, so that the other side can tell they are ours.'
          }
          autoComplete="off"
          {...form.field('secret')}
        />
      )}
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {c ? (
          <Button variant="default" onClick={() => onRemove(c)}>
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
