import { Switch, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconTimeline } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { RECENT } from '@/lib/range';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { TimeRange } from '@/ui/TimeRange';
import { took, traceTo } from './model';
import { FALLBACK, type Summary, searchQuery, servicesQuery, type TraceFilters } from './queries';

export const Route = createLazyRoute('/observe/traces')({ component: List });

const COLUMNS: Column<Summary>[] = [
  { id: 'start', label: 'Begun', width: 100, render: (r) => <Time at={r.start} /> },
  { id: 'service', label: 'Service', min: 130, render: (r) => r.service },
  {
    id: 'name',
    label: 'Operation',
    min: 220,
    main: true,
    render: (r) => (
      <Link to={traceTo(r.trace_id)} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  {
    id: 'took',
    label: 'Took',
    width: 90,
    right: true,
    render: (r) => (r.partial ? <span className="muted">–</span> : took(r.duration_ns)),
  },
  { id: 'spans', label: 'Spans', width: 70, right: true, render: (r) => r.spans },
  {
    id: 'errors',
    label: 'Errors',
    width: 100,
    render: (r) => (r.errors ? <Pill tone="down">{`${r.errors} failed`}</Pill> : <span className="muted">–</span>),
  },
  {
    id: 'services',
    label: 'Services',
    min: 160,
    render: (r) => <span className="muted">{r.services.join(', ')}</span>,
  },
];
const card = (r: Summary) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    {r.errors ? <Pill tone="down">{`${r.errors} failed`}</Pill> : <span className="num">{took(r.duration_ns)}</span>}
    <span className="muted">{r.service}</span>
    <Time at={r.start} />
  </>
);
const idOf = (r: Summary) => r.trace_id;
const SORTS = [
  { value: 'newest', label: 'Newest first' },
  { value: 'slowest', label: 'Slowest first' },
];

function List() {
  const [s, set] = useUrlState<TraceFilters>();
  const navigate = useNavigate();
  const query = useQuery({ ...searchQuery(s), placeholderData: (old) => old, retry: false });
  const services = useQuery(servicesQuery({ from: s.from, to: s.to }));
  const rows = useClientRows(query.data?.items ?? [], idOf);
  const [min, setMin] = useState(s.min ?? '');
  const later = useDebouncedCallback((v: string) => set({ min: v || undefined }), 400);
  const filtered = !!(s.q || s.service || s.operation || s.item || s.min || s.failed);
  const clear = () => {
    setMin('');
    set({ q: '', service: '', operation: '', item: '', min: undefined, failed: undefined });
  };
  return (
    <>
      <PageHead title="Traces">
        <RowCount rows={rows} one="trace" many="traces" />
        <Spacer />
        <TimeRange value={s} onChange={set} presets={RECENT} fallback={FALLBACK} />
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder={'Attributes: http.route:="/cart"'}
          label="Find spans in LogsQL"
        />
        <Facet
          label="Service"
          choices={(services.data?.items ?? []).map((x) => ({ value: x.name, label: x.name }))}
          value={s.service ? [s.service] : []}
          onChange={(v) => set({ service: v.at(-1) })}
        />
        <Facet
          label="Order"
          choices={SORTS}
          value={s.sort ? [s.sort] : []}
          onChange={(v) => set({ sort: v.at(-1) as TraceFilters['sort'] })}
        />
        <TextInput
          aria-label="At least this long"
          placeholder="Longer than 250ms"
          w={150}
          value={min}
          onChange={(e) => {
            setMin(e.currentTarget.value);
            later(e.currentTarget.value);
          }}
        />
        <Switch
          label="Failed"
          checked={!!s.failed}
          onChange={(e) => set({ failed: e.currentTarget.checked || undefined })}
        />
        {s.operation && <Pill tone="plain">{s.operation}</Pill>}
        {s.item && <Pill tone="plain">{`on ${s.item}`}</Pill>}
        <ClearFilters on={filtered} onClear={clear} />
      </Toolbar>
      {query.isError ? (
        <ErrorState what="The traces" error={query.error} retry={() => void query.refetch()} />
      ) : (
        <DataGrid
          label="Traces"
          columns={COLUMNS}
          rows={rows}
          card={card}
          onOpen={(r) => void navigate({ to: traceTo(r.trace_id) })}
          empty={
            filtered ? (
              <EmptyState icon={IconTimeline} title="No trace fits" hint="Change the filters or take a longer time." />
            ) : (
              <EmptyState
                icon={IconTimeline}
                title={query.isPending ? 'Reading the traces' : 'No trace in this time'}
                hint="Point the OpenTelemetry exporter of an application at /ingest/otlp of this server, or a Zipkin exporter at /ingest/zipkin."
              />
            )
          }
        />
      )}
    </>
  );
}
