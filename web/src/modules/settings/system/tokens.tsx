import { Alert, Button, Modal, Select, TagsInput, TextInput } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useSession } from '@/lib/session';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { CopyButton } from '@/ui/CopyButton';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import classes from './settings.module.css';

export const Route = createLazyRoute('/settings/tokens')({ component: Page });

type Token = Schemas['AccountAPIToken'];
const ROLES = ['viewer', 'responder', 'operator', 'admin'];
const LIVES = [
  { value: '', label: 'Never' },
  { value: '720h', label: 'In 30 days' },
  { value: '2160h', label: 'In 90 days' },
  { value: '8760h', label: 'In a year' },
];
const idOf = (r: Token) => r.id;
const NONE: Token[] = [];

function Page() {
  const query = useQuery({
    queryKey: ['tokens'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/tokens', { signal })),
  });
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const columns = useMemo<Column<Token>[]>(
    () => [
      { id: 'name', label: 'Name', min: 160, main: true, render: (r) => r.name },
      { id: 'role', label: 'Role', width: 100, render: (r) => r.role },
      {
        id: 'scopes',
        label: 'Limited to',
        min: 160,
        render: (r) => <span>{r.scopes?.length ? r.scopes.join(', ') : <span className="muted">Its role</span>}</span>,
      },
      { id: 'by', label: 'Made by', width: 150, render: (r) => <span>{r.created_by}</span> },
      { id: 'used', label: 'Last used', width: 104, right: true, render: (r) => <Time at={r.last_used_at} /> },
      {
        id: 'expires',
        label: 'Expires',
        width: 104,
        right: true,
        render: (r) => (r.expires_at ? <Time at={r.expires_at} /> : 'Never'),
      },
      {
        id: 'revoke',
        label: 'Action',
        width: 80,
        right: true,
        render: (r) => (
          <Button variant="default" size="compact-xs" tabIndex={-1} onClick={() => setRevoking(r)}>
            Revoke
          </Button>
        ),
      },
    ],
    [],
  );
  return (
    <>
      <PageHead title="API tokens">
        {query.data && <RowCount rows={rows} one="token" many="tokens" />}
        <Spacer />
        <Button leftSection={<IconPlus size={14} />} onClick={() => setAdding(true)}>
          Make a token
        </Button>
      </PageHead>
      <Loaded query={query} what="The tokens">
        {() => (
          <DataGrid
            label="API tokens"
            columns={columns}
            rows={rows}
            onOpen={setRevoking}
            empty={
              <EmptyState
                icon={IconKey}
                title="No token"
                hint="Programs use a token to send results and read the API."
              />
            }
          />
        )}
      </Loaded>
      <Modal opened={adding} onClose={() => setAdding(false)} title="Make a token" size={480}>
        <NewToken onClose={() => setAdding(false)} />
      </Modal>
      <ConfirmDialog
        opened={!!revoking}
        onClose={() => setRevoking(undefined)}
        title={`Revoke token ${revoking?.name ?? ''}?`}
        action="Revoke"
        run={async () => {
          await call(http.DELETE('/api/v1/tokens/{id}', { params: { path: { id: revoking?.id ?? '' } } }));
          await client.invalidateQueries({ queryKey: ['tokens'] });
          done('The token is revoked.');
        }}
      >
        Programs that use it are refused from now on.
      </ConfirmDialog>
    </>
  );
}

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Say what it is for.')),
  role: z.string(),
  scopes: z.array(z.string()),
  expires: z.string(),
});

function NewToken({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const permissions = useSession()?.permissions ?? [];
  const [value, setValue] = useState('');
  const form = useForm({
    schema,
    initial: { name: '', role: 'viewer', scopes: [] as string[], expires: '8760h' },
    submit: (v) =>
      call(
        http.POST('/api/v1/tokens', {
          body: {
            name: v.name,
            role: v.role as 'viewer',
            scopes: v.scopes.length ? v.scopes : undefined,
            expires: v.expires || undefined,
          },
        }),
      ),
    done: async (t) => {
      setValue(t.token);
      await client.invalidateQueries({ queryKey: ['tokens'] });
    },
  });
  if (value)
    return (
      <div className={classes.stack}>
        <Alert color="green" variant="light" p={8} styles={{ message: { fontSize: 12 } }}>
          The token is made. Copy it now: it is shown only this once.
        </Alert>
        <div className={classes.secret}>
          <code className="mono">{value}</code>
          <CopyButton value={value} label="Copy the token" />
        </div>
        <div className={classes.end}>
          <Button onClick={onClose}>I have copied it</Button>
        </div>
      </div>
    );
  return (
    <Form form={form} label="Token">
      <TextInput label="Name" withAsterisk data-autofocus placeholder="backup script" {...form.field('name')} />
      <Select label="Role" data={ROLES} allowDeselect={false} {...form.field('role')} />
      <TagsInput
        label="Limit to permissions"
        description="Left empty, it may do all that its role may."
        data={permissions}
        {...form.field('scopes')}
      />
      <Select label="Expires" data={LIVES} allowDeselect={false} {...form.field('expires')} />
      <FormActions action="Make the token" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
