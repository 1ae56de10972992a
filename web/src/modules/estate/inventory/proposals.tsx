import { Button, Modal, Select, Textarea } from '@mantine/core';
import { IconChecks } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { messageOf } from '@/api/problems';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { kindTitle } from './list';
import { fieldTitle } from './past';

export const Route = createLazyRoute('/estate/item-proposals')({ component: Page });

type Proposal = Schemas['InventoryProposalView'];
type State = Proposal['state'];
const VERB = { update: 'Change', delete: 'Delete', merge: 'Merge into' } as const;
const STATES: { value: State; label: string }[] = [
  { value: 'waiting', label: 'Waiting' },
  { value: 'approved', label: 'Approved' },
  { value: 'rejected', label: 'Rejected' },
  { value: 'withdrawn', label: 'Withdrawn' },
  { value: 'expired', label: 'Expired' },
];

const list = (q: { state?: State; item?: string }, cursor: string | undefined, signal: AbortSignal) =>
  call(http.GET('/api/v1/item-proposals', { params: { query: { ...q, cursor, limit: 50 } }, signal }));

function Page() {
  const [s, set] = useUrlState<{ state?: State }>();
  const state = s.state ?? 'waiting';
  const query = useInfiniteQuery({
    queryKey: ['item-proposals', state],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => list({ state }, pageParam || undefined, signal),
    getNextPageParam: (p) => p.next,
  });
  useLiveQuery('items', ['item-proposals']);
  return (
    <>
      <PageHead title="Approvals">
        <Spacer />
        <Select
          aria-label="State"
          data={STATES}
          value={state}
          allowDeselect={false}
          onChange={(v) => set({ state: v === 'waiting' ? undefined : (v as State) })}
          w={150}
        />
      </PageHead>
      <Loaded query={query} what="The proposed changes">
        {(data) => {
          const all = data.pages.flatMap((p) => p.items);
          if (!all.length)
            return (
              <EmptyState
                icon={IconChecks}
                title={state === 'waiting' ? 'No change waits for approval' : 'Nothing here'}
                hint="Which items need a second person is set in Settings › Item kinds › Approval."
              />
            );
          return (
            <div style={{ display: 'flex', flexDirection: 'column', gap: 12, padding: 16, overflow: 'auto' }}>
              {all.map((p) => (
                <One key={p.id} p={p} />
              ))}
              {query.hasNextPage && (
                <Button
                  variant="default"
                  style={{ alignSelf: 'flex-start' }}
                  loading={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  Show older ones
                </Button>
              )}
            </div>
          );
        }}
      </Loaded>
    </>
  );
}

const WORDS = ['criticality', 'lifecycle', 'kind'];
const NOTHING = '–';
/** A value of a change as people read it. */
function text(v: unknown, field = ''): string {
  if (v === null || v === undefined || v === '') return NOTHING;
  if (typeof v === 'string') return WORDS.includes(field) ? kindTitle(v) : v;
  if (Array.isArray(v) && v.every((x) => typeof x === 'string')) return v.join(', ') || NOTHING;
  const s = JSON.stringify(v);
  return s === '{}' || s === '[]' ? NOTHING : s;
}
function One({ p }: { p: Proposal }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const run = async (what: Promise<unknown>, said: string) => {
    setBusy(true);
    setError('');
    try {
      await what;
      setAsking(false);
      done(said);
      await client.invalidateQueries({ queryKey: ['item-proposals'] });
      await client.invalidateQueries({ queryKey: ['item'] });
    } catch (e) {
      setAsking(false);
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };
  const params = { params: { path: { id: p.id } } };
  return (
    <Panel
      title={`${VERB[p.action]} ${p.item}`}
      tools={
        <div style={{ display: 'flex', gap: 6 }}>
          {p.mine && (
            <Button
              size="compact-sm"
              variant="default"
              loading={busy}
              onClick={() =>
                void run(call(http.POST('/api/v1/item-proposals/{id}/withdraw', params)), 'The change was withdrawn.')
              }
            >
              Withdraw
            </Button>
          )}
          {p.may_decide && (
            <>
              <Button size="compact-sm" variant="default" disabled={busy} onClick={() => setAsking(true)}>
                Reject
              </Button>
              <Button
                size="compact-sm"
                loading={busy}
                onClick={() =>
                  void run(call(http.POST('/api/v1/item-proposals/{id}/approve', params)), `${p.item}: approved.`)
                }
              >
                Approve
              </Button>
            </>
          )}
        </div>
      }
      flush
    >
      <div style={{ padding: '8px 12px', display: 'flex', flexWrap: 'wrap', gap: 10 }} className="muted">
        <span>
          {p.author} proposed this <Time at={p.made_at} />.{' '}
          {p.state === 'waiting' ? (
            <>
              It expires <Time at={p.expires_at} />.
            </>
          ) : (
            <>
              {kindTitle(p.state)}
              {p.decided_by && ` by ${p.decided_by}`}
              {p.reason && `: ${p.reason}`}
            </>
          )}
        </span>
        <Link to={`/estate/items/${encodeURIComponent(p.item)}` as string}>Open {p.item}</Link>
      </div>
      {error && (
        <p role="alert" style={{ margin: 0, padding: '0 12px 8px', color: 'var(--tx-down)' }}>
          {error}
        </p>
      )}
      <table className="plain" style={{ tableLayout: 'fixed' }}>
        <thead>
          <tr>
            <th style={{ width: '26%' }}>What</th>
            <th>Before</th>
            <th>After</th>
          </tr>
        </thead>
        <tbody>
          {p.changes
            .map((c) => ({ field: c.field, before: text(c.before, c.field), after: text(c.after, c.field) }))
            .filter((c) => c.before !== c.after)
            .map((c) => (
              <tr key={`${c.field} ${c.before} ${c.after}`}>
                <td style={{ overflowWrap: 'anywhere' }}>{fieldTitle(c.field)}</td>
                <td style={{ overflowWrap: 'anywhere' }}>{c.before}</td>
                <td style={{ overflowWrap: 'anywhere' }}>{c.after}</td>
              </tr>
            ))}
        </tbody>
      </table>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Reject the change of ${p.item}?`} size={460}>
        <Textarea
          label="Why"
          description={`${p.author} reads it.`}
          withAsterisk
          autosize
          minRows={2}
          value={reason}
          onChange={(e) => setReason(e.currentTarget.value)}
          data-autofocus
        />
        <Button
          mt={12}
          disabled={!reason.trim()}
          loading={busy}
          onClick={() =>
            void run(
              call(http.POST('/api/v1/item-proposals/{id}/reject', { ...params, body: { reason: reason.trim() } })),
              'The change was rejected.',
            )
          }
        >
          Reject
        </Button>
      </Modal>
    </Panel>
  );
}

/** Says that changes of an item wait. */
export function Waiting({ item }: { item: string }) {
  const query = useQuery({
    queryKey: ['item-proposals', 'of', item],
    queryFn: ({ signal }) => list({ state: 'waiting', item }, undefined, signal),
  });
  useLiveQuery('items', ['item-proposals', 'of', item], item);
  const n = query.data?.items.length ?? 0;
  if (!n) return null;
  return (
    <Panel title={n === 1 ? 'A change waits for approval' : `${n} changes wait for approval`}>
      <Link to={'/estate/item-proposals' as string}>Look at {n === 1 ? 'it' : 'them'}</Link>
    </Panel>
  );
}
