import { IconBug } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { errorTo } from './model';
import { type AppError, listErrors } from './queries';

export const Route = createLazyRoute('/observe/errors')({ component: Page });

type State = 'open' | 'resolved' | 'ignored';
interface Search {
  q?: string;
  service?: string;
  state?: State | 'all';
}

const COLUMNS: Column<AppError>[] = [
  {
    id: 'error',
    label: 'Error',
    min: 320,
    main: true,
    render: (r) => (
      <Link to={errorTo(r.id)} style={{ color: 'inherit' }} tabIndex={-1} title={r.message}>
        <b>{r.type || 'failed'}</b> <span className="muted">{r.message}</span>
      </Link>
    ),
  },
  { id: 'service', label: 'Service', width: 140, render: (r) => r.service },
  {
    id: 'mark',
    label: 'Mark',
    width: 110,
    render: (r) =>
      r.came_back_at ? (
        <Pill tone="down">came back</Pill>
      ) : r.state !== 'open' ? (
        <Pill tone="plain">{r.state}</Pill>
      ) : null,
  },
  { id: 'count', label: 'Times', width: 80, right: true, render: (r) => integer(r.count) },
  { id: 'first', label: 'First', width: 100, render: (r) => <Time at={r.first_seen} /> },
  { id: 'last', label: 'Last', width: 100, render: (r) => <Time at={r.last_seen} /> },
  { id: 'version', label: 'Version', width: 100, render: (r) => r.last_version || <span className="muted">–</span> },
  { id: 'who', label: 'Assigned', width: 120, render: (r) => r.assignee || <span className="muted">–</span> },
];
const card = (r: AppError) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.type || 'failed'}</span>
    <span className="num">{integer(r.count)}</span>
    <span className="muted">{r.message}</span>
    <Time at={r.last_seen} />
  </>
);
const idOf = (r: AppError) => r.id;

function Page() {
  const [s, set] = useUrlState<Search>();
  const navigate = useNavigate();
  const state = s.state ?? 'open';
  const rows = useRows<AppError>({
    queryKey: ['errors', s.q, s.service, state],
    fetchPage: ({ cursor, limit }, signal) =>
      listErrors(
        { q: s.q || undefined, service: s.service || undefined, state: state === 'all' ? undefined : state },
        cursor,
        limit,
        signal,
      ),
    idOf,
    topic: 'errors',
  });
  const filtered = !!(s.q || s.service);
  return (
    <>
      <PageHead title="Errors">
        <RowCount rows={rows} one="error" many="errors" />
        <Spacer />
      </PageHead>
      <Tabs
        label="States of errors"
        tabs={[
          { value: 'open', label: 'Open' },
          { value: 'resolved', label: 'Resolved' },
          { value: 'ignored', label: 'Ignored' },
          { value: 'all', label: 'All' },
        ]}
        value={state}
        onChange={(v) => set({ state: v as Search['state'] })}
      />
      <Toolbar>
        <SearchBox value={s.q ?? ''} onChange={(q) => set({ q })} placeholder="Type or message" label="Find errors" />
        {s.service && <Pill tone="plain">{`of ${s.service}`}</Pill>}
        <ClearFilters on={filtered} onClear={() => set({ q: '', service: '' })} />
      </Toolbar>
      <DataGrid
        label="Errors"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => void navigate({ to: errorTo(r.id) })}
        empty={
          filtered || state !== 'open' ? (
            <EmptyState icon={IconBug} title="No error fits" hint="Look at another state or change the text." />
          ) : (
            <EmptyState
              icon={IconBug}
              title="No open error"
              hint="Exceptions in the spans of applications are gathered here, those that are alike as one."
            />
          )
        }
      />
    </>
  );
}
