import { Button, Drawer } from '@mantine/core';
import { IconSend } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { milliseconds } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { Loaded } from '@/ui/Loading';
import { PageHead, Toolbar } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { TimelineList } from '@/ui/TimelineList';
import { done, failed } from '@/ui/toast';
import { canRetry, kindLabel, type Notification } from './model';

export const Route = createLazyRoute('/respond/notifications')({ component: List });

interface Search {
  incident?: string;
  state?: Notification['state'];
  channel?: string;
}
const COLUMNS: Column<Notification>[] = [
  { id: 'at', label: 'Time', width: 150, render: (r) => <Time at={r.sent_at ?? r.created_at} mode="absolute" /> },
  {
    id: 'incident',
    label: 'Incident',
    width: 84,
    mono: true,
    render: (r) =>
      r.incident ? (
        <Link to={`/respond/incidents/${r.incident}` as string} tabIndex={-1}>
          {r.incident}
        </Link>
      ) : (
        <span className="muted">–</span>
      ),
  },
  { id: 'reason', label: 'Reason', width: 110, render: (r) => r.reason },
  { id: 'channel', label: 'Channel', width: 120, render: (r) => <span>{r.channel}</span> },
  { id: 'to', label: 'To', min: 180, main: true, render: (r) => r.to || '–' },
  { id: 'state', label: 'State', width: 100, render: (r) => <Pill state={r.state} /> },
  { id: 'attempts', label: 'Attempts', width: 76, right: true, render: (r) => r.attempts },
  {
    id: 'error',
    label: 'Last error',
    min: 200,
    render: (r) => <span title={r.last_error}>{r.state === 'sent' ? '' : r.last_error}</span>,
  },
];
const card = (r: Notification) => (
  <>
    <span style={{ display: 'flex', gap: 8, alignItems: 'center' }}>
      <Pill state={r.state} />
      <span className="mono">{r.incident}</span>
      <span className="muted">{r.reason}</span>
    </span>
    <Time at={r.sent_at ?? r.created_at} mode="age" />
    <span style={{ color: 'var(--tx-0)' }}>{r.to || r.channel}</span>
    <span className="muted">{r.channel}</span>
  </>
);
const idOf = (r: Notification) => r.id;
const STATES = [
  { value: 'queued', label: 'Queued' },
  { value: 'sent', label: 'Sent' },
  { value: 'failed', label: 'Failed' },
];

function List() {
  const [s, set] = useUrlState<Search>();
  const [open, setOpen] = useState<Notification>();
  const channels = useQuery({
    queryKey: ['channels'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/channels', { signal })),
  });
  const rows = useRows<Notification>({
    queryKey: ['notifications', s],
    fetchPage: ({ cursor, limit }, signal) =>
      call(http.GET('/api/v1/notifications', { params: { query: { ...s, cursor, limit } }, signal })),
    idOf,
    topic: 'notifications',
  });
  const filtered = !!(s.incident || s.state || s.channel);
  return (
    <>
      <PageHead title="Notifications">
        <RowCount rows={rows} one="notification" many="notifications" />
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.incident ?? ''}
          onChange={(v) => set({ incident: v.trim().toUpperCase() })}
          placeholder="Incident, such as INC-12"
          label="Incident"
        />
        <Facet
          label="State"
          choices={STATES}
          value={s.state ? [s.state] : []}
          onChange={(v) => set({ state: v.at(-1) as Search['state'] })}
        />
        <Facet
          label="Channel"
          choices={[
            { value: 'email', label: 'E-mail to people' },
            ...(channels.data?.items ?? []).map((c) => ({ value: c.name, label: c.name })),
          ]}
          value={s.channel ? [s.channel] : []}
          onChange={(v) => set({ channel: v.at(-1) })}
        />
        <ClearFilters on={filtered} onClear={() => set({ incident: '', state: undefined, channel: undefined })} />
      </Toolbar>
      <DataGrid
        label="Notifications"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={setOpen}
        empty={
          filtered ? (
            <EmptyState icon={IconSend} title="No notification fits" hint="Take a filter back." />
          ) : (
            <EmptyState
              icon={IconSend}
              title="Nobody has been told of anything"
              hint="Every message to a person or channel is listed here, with what became of it."
            />
          )
        }
      />
      <Drawer opened={!!open} onClose={() => setOpen(undefined)} position="right" title="Notification" size={460}>
        {open && <One id={open.id} onRetried={rows.reload} />}
      </Drawer>
    </>
  );
}

function One({ id, onRetried }: { id: string; onRetried: () => void }) {
  const may = useCan()('incident.write');
  const [busy, setBusy] = useState(false);
  const query = useQuery({
    queryKey: ['notification', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/notifications/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (q) => (q.state.data?.state === 'queued' ? 3000 : false),
  });
  const retry = async () => {
    setBusy(true);
    try {
      await call(http.POST('/api/v1/notifications/{id}/retry', { params: { path: { id } } }));
      await query.refetch();
      done('It is tried again.');
      onRetried();
    } catch (e) {
      failed('Trying again', e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Loaded query={query} what="The notification" rows={6} small>
      {(n) => (
        <div style={{ display: 'flex', flexDirection: 'column', gap: 16 }}>
          <KeyValue
            rows={[
              ['Subject', n.subject],
              ['To', n.to],
              ['Channel', `${n.channel} (${kindLabel(n.type)})`],
              ['Reason', n.reason],
              ['State', <Pill key="s" state={n.state} />],
              ['Queued', <Time key="q" at={n.created_at} mode="absolute" />],
              ['Sent', n.sent_at && <Time key="t" at={n.sent_at} mode="absolute" />],
              ['Next attempt', n.state === 'queued' && n.next_attempt_at && <Time key="x" at={n.next_attempt_at} />],
              ['Acknowledged', n.ack_used_at && <Time key="a" at={n.ack_used_at} mode="absolute" />],
            ]}
          />
          <section aria-label="Attempts">
            {n.history?.length ? (
              <TimelineList
                label="Attempts"
                entries={n.history.map((a, i) => ({
                  id: String(i),
                  at: a.at,
                  text: `${a.ok ? 'Delivered' : 'Failed'} after ${milliseconds(a.duration_ms)}`,
                  body: a.error,
                  icon: a.ok ? ('done' as const) : ('alert' as const),
                  tone: a.ok ? ('ok' as const) : ('down' as const),
                }))}
              />
            ) : (
              <span className="muted">It has not been tried yet.</span>
            )}
          </section>
          {may && canRetry(n) && (
            <div>
              <Button loading={busy} onClick={() => void retry()}>
                Try again
              </Button>
            </div>
          )}
        </div>
      )}
    </Loaded>
  );
}
