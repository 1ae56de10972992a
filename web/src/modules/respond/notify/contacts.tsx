import { ActionIcon, Alert, Button, Select, TextInput } from '@mantine/core';
import { IconArrowUp, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { messageOf } from '@/api/problems';
import { usePeople } from '@/lib/names';
import { useSession } from '@/lib/session';
import { apiSpan, showSpan } from '@/lib/span';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { done, failed } from '@/ui/toast';
import { KINDS, type Kind, type Method, type MethodRow, methodOf, rowOf } from './model';

export const Route = createLazyRoute('/settings/contacts')({ component: Page });

function Page() {
  const session = useSession();
  const [s] = useUrlState<{ person?: string }>();
  const people = usePeople();
  const id = s.person ?? session?.account?.id ?? '';
  const mine = id === session?.account?.id;
  const name = mine ? '' : people.find((p) => p.id === id)?.name;
  const query = useQuery({
    queryKey: ['contacts', id],
    enabled: id !== '',
    queryFn: ({ signal }) => call(http.GET('/api/v1/people/{id}/contacts', { params: { path: { id } }, signal })),
  });
  return (
    <>
      <PageHead title={name ? `How ${name} is told` : 'How you are told'} />
      {id === '' ? (
        <EmptyState title="An API token is not told anything" hint="Sign in as a person to say how you are told." />
      ) : (
        <Loaded query={query} what="The contact methods">
          {(c) => (
            <PageBody width="form" label="Contact methods">
              <p className="muted">
                In this order. A method without a delay is used at once; one with a delay only when nobody has answered
                by then, or when the one before failed.
              </p>
              <Editor key={id} id={id} old={c.methods} />
            </PageBody>
          )}
        </Loaded>
      )}
    </>
  );
}

function Editor({ id, old }: { id: string; old: Method[] }) {
  const client = useQueryClient();
  const [rows, setRows] = useState<MethodRow[]>(() => old.map((m) => rowOf(m, showSpan)));
  const [changed, setChanged] = useState(false);
  const [busy, setBusy] = useState<'save' | 'test'>();
  const [error, setError] = useState('');
  const set = (next: MethodRow[]) => {
    setRows(next);
    setChanged(true);
  };
  const change = (i: number, patch: Partial<MethodRow>) => set(rows.map((r, k) => (k === i ? { ...r, ...patch } : r)));
  const save = async () => {
    setBusy('save');
    setError('');
    try {
      const c = await call(
        http.PUT('/api/v1/people/{id}/contacts', {
          params: { path: { id } },
          body: { methods: rows.map((r, i) => methodOf(r, old[i], apiSpan)) },
        }),
      );
      client.setQueryData(['contacts', id], c);
      setRows(c.methods.map((m) => rowOf(m, showSpan)));
      setChanged(false);
      done('The contact methods are saved.');
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(undefined);
    }
  };
  const test = async () => {
    setBusy('test');
    try {
      const d = await call(http.POST('/api/v1/people/{id}/contacts/test', { params: { path: { id } } }));
      const bad = d.items.filter((n) => n.state !== 'sent');
      if (bad.length)
        failed('The test', new Error(bad.map((n) => `${n.to}: ${n.last_error || 'not delivered'}`).join(' ')));
      else
        done(d.items.length === 1 ? 'The test message was taken.' : `All ${d.items.length} test messages were taken.`);
    } catch (e) {
      failed('The test', e);
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <form
      aria-label="Contact methods"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void save();
      }}
    >
      {error && (
        <Alert color="red" mb="sm" role="alert">
          {error}
        </Alert>
      )}
      {rows.map((r, i) => (
        <Panel
          key={r.key}
          title={`Method ${i + 1}`}
          tools={
            <>
              <ActionIcon
                aria-label={`Move method ${i + 1} up`}
                variant="subtle"
                disabled={i === 0}
                onClick={() => {
                  const next = [...rows];
                  next.splice(i - 1, 0, ...next.splice(i, 1));
                  set(next);
                }}
              >
                <IconArrowUp size={14} />
              </ActionIcon>
              <ActionIcon
                aria-label={`Remove method ${i + 1}`}
                variant="subtle"
                disabled={rows.length === 1}
                onClick={() => set(rows.filter((_, k) => k !== i))}
              >
                <IconTrash size={14} />
              </ActionIcon>
            </>
          }
        >
          <div style={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fit, minmax(150px, 1fr))', gap: 8 }}>
            <Select
              label="By"
              data={KINDS as { value: Kind; label: string }[]}
              allowDeselect={false}
              value={r.type}
              onChange={(v) => change(i, { type: (v ?? 'email') as Kind, to: '' })}
            />
            <TextInput
              label={r.type === 'email' ? 'Address' : 'Address of the hook'}
              withAsterisk
              type={r.type === 'email' ? 'email' : 'url'}
              value={r.to}
              onChange={(e) => change(i, { to: e.currentTarget.value })}
            />
            <TextInput
              label="Delay"
              placeholder="At once"
              value={r.delay}
              onChange={(e) => change(i, { delay: e.currentTarget.value })}
            />
          </div>
        </Panel>
      ))}
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8, marginTop: 12 }}>
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          disabled={rows.length >= 10}
          onClick={() => set([...rows, { key: crypto.randomUUID(), type: 'email', to: '', delay: '5m' }])}
        >
          Add a method
        </Button>
        <div style={{ flex: 1 }} />
        <Button variant="default" loading={busy === 'test'} disabled={changed} onClick={() => void test()}>
          Send a test message
        </Button>
        <Button type="submit" loading={busy === 'save'} disabled={!changed}>
          Save
        </Button>
      </div>
    </form>
  );
}
