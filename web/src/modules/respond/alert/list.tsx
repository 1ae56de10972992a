import { IconBell } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { duration } from '@/lib/format';
import { useNow } from '@/lib/time';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { SevMark } from '@/ui/SevMark';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { type Alert, lasted, reasons } from './model';
import { listAlerts } from './queries';

export const Route = createLazyRoute('/respond/alerts')({ component: List });

interface Search {
  q?: string;
  status?: 'firing' | 'resolved' | 'all';
  severity?: 'critical' | 'warning' | 'unknown';
  item?: string;
  check?: string;
}

function Lasted({ alert }: { alert: Alert }) {
  const now = useNow();
  const s = lasted(alert, now);
  return <span className="num">{duration(alert.ended_at || s < 60 ? s : Math.floor(s / 60) * 60)}</span>;
}

function Kept({ alert }: { alert: Alert }) {
  const why = reasons(alert);
  if (!why.length) return null;
  return (
    <span title={why.join(', ')}>
      <Pill tone="maint">{why[0]}</Pill>
      {why.length > 1 && <span className="muted"> +{why.length - 1}</span>}
    </span>
  );
}

const COLUMNS: Column<Alert>[] = [
  { id: 'severity', label: 'Severity', width: 96, render: (r) => <SevMark severity={r.severity} /> },
  {
    id: 'title',
    label: 'Title',
    min: 220,
    main: true,
    render: (r) => (
      <>
        {r.title} <span className="muted">{r.output}</span>
      </>
    ),
  },
  { id: 'item', label: 'Item', width: 130, mono: true, render: (r) => <span>{r.item ?? '–'}</span> },
  { id: 'check', label: 'Check', width: 130, mono: true, render: (r) => <span>{r.check ?? '–'}</span> },
  { id: 'status', label: 'Status', width: 96, render: (r) => <StatusMark state={r.status} /> },
  { id: 'kept', label: 'Kept back', width: 150, render: (r) => <Kept alert={r} /> },
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
  { id: 'started', label: 'Started', width: 96, right: true, render: (r) => <Time at={r.started_at} /> },
  { id: 'lasted', label: 'Lasted', width: 84, right: true, render: (r) => <Lasted alert={r} /> },
];
const card = (r: Alert) => (
  <>
    <span style={{ display: 'flex', gap: 10, alignItems: 'center' }}>
      <SevMark severity={r.severity} />
      <StatusMark state={r.status} />
      <Kept alert={r} />
    </span>
    <Time at={r.started_at} mode="age" />
    <span style={{ color: 'var(--tx-0)' }}>{r.title}</span>
    <span className="mono muted">{r.incident}</span>
  </>
);
const idOf = (r: Alert) => r.id;
const faded = (r: Alert) => r.status === 'resolved';
const STATUS = [
  { value: 'firing', label: 'Firing' },
  { value: 'resolved', label: 'Resolved' },
  { value: 'all', label: 'All' },
];
const SEVERITY = [
  { value: 'critical', label: 'Critical' },
  { value: 'warning', label: 'Warning' },
  { value: 'unknown', label: 'Unknown' },
];

function List() {
  const [s, set] = useUrlState<Search>();
  const navigate = useNavigate();
  const status = s.status ?? 'firing';
  const rows = useRows<Alert>({
    queryKey: ['alerts', s],
    fetchPage: ({ cursor, limit }, signal) =>
      listAlerts(
        { q: s.q, status: status === 'all' ? undefined : status, severity: s.severity, item: s.item, check: s.check },
        cursor,
        limit,
        signal,
      ),
    idOf,
    topic: 'alerts',
  });
  const filtered = !!(s.q || s.severity || s.item || s.check);
  return (
    <>
      <PageHead title="Alerts">
        <RowCount rows={rows} one="alert" many="alerts" />
      </PageHead>
      <Toolbar>
        <SearchBox value={s.q ?? ''} onChange={(q) => set({ q })} placeholder="Title or output" label="Find alerts" />
        <Facet
          label="Status"
          choices={STATUS}
          value={[status]}
          onChange={(v) => set({ status: v.at(-1) === 'firing' ? undefined : (v.at(-1) as Search['status']) })}
        />
        <Facet
          label="Severity"
          choices={SEVERITY}
          value={s.severity ? [s.severity] : []}
          onChange={(v) => set({ severity: v.at(-1) as Search['severity'] })}
        />
        {s.item && (
          <Facet
            label="Item"
            choices={[{ value: s.item, label: s.item }]}
            value={[s.item]}
            onChange={(v) => set({ item: v[0] })}
          />
        )}
        {s.check && (
          <Facet
            label="Check"
            choices={[{ value: s.check, label: s.check }]}
            value={[s.check]}
            onChange={(v) => set({ check: v[0] })}
          />
        )}
        <ClearFilters
          on={filtered || !!s.status}
          onClear={() => set({ q: '', status: undefined, severity: undefined, item: undefined, check: undefined })}
        />
      </Toolbar>
      <DataGrid
        label="Alerts"
        columns={COLUMNS}
        rows={rows}
        card={card}
        faded={faded}
        onOpen={(r) => void navigate({ to: `/respond/alerts/${r.id}` as string })}
        empty={
          filtered ? (
            <EmptyState icon={IconBell} title="No alert fits" hint="Take a filter back, or search for other words." />
          ) : status === 'firing' ? (
            <EmptyState icon={IconBell} title="Nothing fires" hint="Alerts show up here as soon as a check fails." />
          ) : (
            <EmptyState
              icon={IconBell}
              title="There has been no alert"
              hint="Alerts come from failing checks, or from other programs through the API."
            />
          )
        }
      />
    </>
  );
}
