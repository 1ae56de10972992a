import { IconApps } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { milliseconds } from '@/lib/format';
import { type Range, RECENT } from '@/lib/range';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { useClientRows } from '@/ui/rows';
import { Tabs } from '@/ui/Tabs';
import { TimeRange } from '@/ui/TimeRange';
import { MapView } from './map';
import { serviceTo } from './model';
import { Apdex, FailedShare, rate, Statements } from './parts';
import { FALLBACK, mapQuery, type Service, servicesQuery, statementsQuery } from './queries';

export const Route = createLazyRoute('/observe/services')({ component: Page });

interface Search extends Range {
  view?: 'list' | 'map' | 'statements';
}

const COLUMNS: Column<Service>[] = [
  {
    id: 'name',
    label: 'Service',
    min: 180,
    main: true,
    render: (r) => (
      <Link to={serviceTo(r.name)} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'rate', label: 'Requests', width: 110, right: true, render: (r) => rate(r) },
  { id: 'failed', label: 'Failed', width: 90, right: true, render: (r) => <FailedShare r={r} /> },
  { id: 'p50', label: 'p50', width: 90, right: true, render: (r) => milliseconds(r.p50_ms) },
  { id: 'p95', label: 'p95', width: 90, right: true, render: (r) => milliseconds(r.p95_ms) },
  { id: 'p99', label: 'p99', width: 90, right: true, render: (r) => milliseconds(r.p99_ms) },
  { id: 'apdex', label: 'Apdex', width: 150, render: (r) => <Apdex value={r.apdex} /> },
  { id: 'version', label: 'Version', width: 120, render: (r) => r.versions.at(-1) ?? <span className="muted">–</span> },
  { id: 'item', label: 'Item', min: 110, render: (r) => r.item ?? <span className="muted">–</span> },
];
const card = (r: Service) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <FailedShare r={r} />
    <span className="muted">{rate(r)}</span>
    <span className="muted num">p95 {milliseconds(r.p95_ms)}</span>
  </>
);
const idOf = (r: Service) => r.name;

function Page() {
  const [s, set] = useUrlState<Search>();
  const view = s.view ?? 'list';
  const time = { from: s.from, to: s.to };
  const query = useQuery({ ...servicesQuery(time), refetchInterval: 30_000 });
  const rows = useClientRows(query.data?.items ?? [], idOf);
  return (
    <>
      <PageHead title="Services">
        <RowCount rows={rows} one="service" many="services" />
        <Spacer />
        <TimeRange value={s} onChange={set} presets={RECENT} fallback={FALLBACK} />
      </PageHead>
      <Tabs
        label="Views of services"
        tabs={[
          { value: 'list', label: 'List' },
          { value: 'map', label: 'Map' },
          { value: 'statements', label: 'Statements' },
        ]}
        value={view}
        onChange={(v) => set({ view: v as Search['view'] })}
      />
      {view === 'map' ? (
        <ServiceMapView time={time} />
      ) : view === 'statements' ? (
        <StatementView time={time} />
      ) : query.isError ? (
        <ErrorState what="The services" error={query.error} retry={() => void query.refetch()} />
      ) : (
        <List rows={rows} reading={query.isPending} />
      )}
    </>
  );
}

function List({ rows, reading }: { rows: ReturnType<typeof useClientRows<Service>>; reading: boolean }) {
  const navigate = useNavigate();
  return (
    <DataGrid
      label="Services"
      columns={COLUMNS}
      rows={rows}
      card={card}
      onOpen={(r) => void navigate({ to: serviceTo(r.name) })}
      empty={
        <EmptyState
          icon={IconApps}
          title={reading ? 'Reading the services' : 'No service answered a request in this time'}
          hint="Services come from the spans that applications send. Point an OpenTelemetry exporter at /ingest/otlp of this server."
        />
      }
    />
  );
}

function ServiceMapView({ time }: { time: Range }) {
  const query = useQuery({ ...mapQuery(time), refetchInterval: 30_000 });
  return (
    <Loaded query={query} what="The map" rows={8}>
      {(m) =>
        m.nodes.length ? (
          <PageBody label="Map of services">
            <Panel title="Who calls whom" note="Callers on the left. Color tells the share that failed.">
              <MapView map={m} />
            </Panel>
          </PageBody>
        ) : (
          <EmptyState
            icon={IconApps}
            title="Nothing to draw in this time"
            hint="The map is made of spans: a call of one service and the request of another that it led to."
          />
        )
      }
    </Loaded>
  );
}

function StatementView({ time }: { time: Range }) {
  const query = useQuery(statementsQuery(time));
  return (
    <Loaded query={query} what="The statements" rows={8}>
      {(list) => (
        <PageBody label="Statements">
          <Panel
            title="Statements of databases"
            note="Values are taken out; those that cost most time come first."
            flush
          >
            <Statements list={list.items} />
          </Panel>
        </PageBody>
      )}
    </Loaded>
  );
}
