import { Button } from '@mantine/core';
import { IconActivity, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { milliseconds } from '@/lib/format';
import { useEdges } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { whereText } from './model';
import { type Check, type Filters, listChecks, typesQuery } from './queries';

export const Route = createLazyRoute('/observe/checks')({ component: List });

function Marks({ check: c }: { check: Check }) {
  return (
    <span style={{ display: 'inline-flex', gap: 6, alignItems: 'center' }}>
      <StatusMark state={c.state} soft={!c.hard && c.state !== 'ok' && c.state !== 'pending'} />
      {c.in_downtime && <Pill tone="maint">maintenance</Pill>}
      {c.flapping && <Pill tone="warn">flapping</Pill>}
      {!c.enabled && <Pill tone="plain">off</Pill>}
    </span>
  );
}

const COLUMNS: Column<Check>[] = [
  { id: 'state', label: 'State', width: 150, sortable: true, render: (r) => <Marks check={r} /> },
  {
    id: 'name',
    label: 'Check',
    min: 180,
    main: true,
    sortable: true,
    render: (r) => (
      <Link to={`/observe/checks/${encodeURIComponent(r.name)}` as string} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'item', label: 'Item', width: 150, render: (r) => r.item || <span className="muted">–</span> },
  { id: 'type', label: 'Type', width: 80, render: (r) => r.type },
  {
    id: 'output',
    label: 'Last result',
    min: 240,
    render: (r) => (
      <span title={r.last_result?.output} className="muted">
        {r.broken ?? r.away ?? r.last_result?.output ?? 'No result yet'}
      </span>
    ),
  },
  {
    id: 'took',
    label: 'Took',
    width: 80,
    right: true,
    render: (r) => (r.last_result ? milliseconds(r.last_result.duration_ms) : '–'),
  },
  {
    id: 'since',
    label: 'Since',
    width: 90,
    right: true,
    render: (r) => (r.since ? <Time at={r.since} mode="age" /> : '–'),
  },
];
const FROM: Column<Check> = {
  id: 'from',
  label: 'Runs from',
  width: 130,
  render: (r) => <span className={r.from ? undefined : 'muted'}>{whereText(r.from, r.runs_at)}</span>,
};
const card = (r: Check) => (
  <>
    <Marks check={r} />
    {r.since ? <Time at={r.since} mode="age" /> : <span />}
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{r.item}</span>
  </>
);
const idOf = (r: Check) => r.name;
const faded = (r: Check) => !r.enabled;
const STATES = ['critical', 'warning', 'unknown', 'unreachable', 'pending', 'ok'].map((value) => ({
  value,
  label: value.charAt(0).toUpperCase() + value.slice(1),
}));

function List() {
  const [s, set] = useUrlState<Filters>();
  const navigate = useNavigate();
  const may = useCan()('check.write');
  const types = (useQuery(typesQuery).data?.items ?? []).map((t) => ({ value: t.name, label: t.title }));
  const rows = useRows<Check>({
    queryKey: ['checks', s],
    fetchPage: ({ cursor, limit }, signal) => listChecks(s, cursor, limit, signal),
    idOf,
    byPosition: true,
    topic: 'checks',
  });
  const edges = useEdges();
  // Without an edge everything runs on the server, and a column that says so is noise.
  const columns = useMemo(
    () => (edges.length ? [...COLUMNS.slice(0, 4), FROM, ...COLUMNS.slice(4)] : COLUMNS),
    [edges.length],
  );
  const places = [{ value: 'server', label: 'Server' }, ...edges.map((e) => ({ value: e.name, label: e.name }))];
  const filtered = !!(s.q || s.state?.length || s.item || s.type || s.from);
  return (
    <>
      <PageHead title="Checks">
        <RowCount rows={rows} one="check" many="checks" />
        <Spacer />
        {may && (
          <Button component={Link} to={'/observe/checks/new' as string} leftSection={<IconPlus size={14} />}>
            Add a check
          </Button>
        )}
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Name, item or target"
          label="Find checks"
        />
        <Facet
          label="State"
          choices={STATES}
          value={s.state ?? []}
          onChange={(v) => set({ state: v.length ? v : undefined })}
        />
        <Facet label="Type" choices={types} value={s.type ? [s.type] : []} onChange={(v) => set({ type: v.at(-1) })} />
        {(edges.length > 0 || s.from) && (
          <Facet
            label="Runs from"
            choices={places}
            value={s.from ? [s.from] : []}
            onChange={(v) => set({ from: v.at(-1) })}
          />
        )}
        {s.item && <Pill>Item: {s.item}</Pill>}
        <ClearFilters
          on={filtered}
          onClear={() => set({ q: undefined, state: undefined, item: undefined, type: undefined, from: undefined })}
        />
      </Toolbar>
      <DataGrid
        label="Checks"
        columns={columns}
        rows={rows}
        card={card}
        faded={faded}
        sort={{ by: s.sort ?? 'name', desc: false }}
        onSort={(v) => set({ sort: v.by === 'state' ? 'state' : undefined })}
        onOpen={(r) => void navigate({ to: `/observe/checks/${encodeURIComponent(r.name)}` as string })}
        empty={
          filtered ? (
            <EmptyState icon={IconActivity} title="No check fits these filters" hint="Change or clear them." />
          ) : (
            <EmptyState
              icon={IconActivity}
              title="Nothing is watched yet"
              hint="Add a check, accept what was found on the overview, or apply an ops.yaml."
            >
              {may && (
                <Button component={Link} to={'/observe/checks/new' as string}>
                  Add a check
                </Button>
              )}
            </EmptyState>
          )
        }
      />
    </>
  );
}
