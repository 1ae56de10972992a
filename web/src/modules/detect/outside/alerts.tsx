import { Button } from '@mantine/core';
import { IconWebhook } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { SevMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { programTitle, TITLES } from './model';
import { type Alert, type Filters, listAlerts } from './queries';

interface Search extends Omit<Filters, 'state'> {
  state?: 'ended' | 'all';
}

const COLUMNS: Column<Alert>[] = [
  { id: 'severity', label: 'Severity', width: 96, render: (a) => <SevMark severity={a.severity} /> },
  {
    id: 'title',
    label: 'Title',
    min: 240,
    main: true,
    render: (a) => (
      <>
        {a.title} <span className="muted">{a.text}</span>
      </>
    ),
  },
  {
    id: 'program',
    label: 'From',
    width: 170,
    render: (a) => (
      <>
        {programTitle(a.program)} <span className="muted">{a.sender}</span>
      </>
    ),
  },
  {
    id: 'item',
    label: 'Item',
    width: 140,
    mono: true,
    render: (a) => (a.item ? <span>{a.item}</span> : <span className="muted">none</span>),
  },
  { id: 'state', label: 'State', width: 96, render: (a) => <StatusMark state={a.state} /> },
  { id: 'received', label: 'Received', width: 84, right: true, render: (a) => integer(a.received) },
  { id: 'started', label: 'Began', width: 96, right: true, render: (a) => <Time at={a.started_at} /> },
  { id: 'seen', label: 'Last heard', width: 96, right: true, render: (a) => <Time at={a.last_seen} /> },
];
const card = (a: Alert) => (
  <>
    <span style={{ display: 'flex', gap: 10, alignItems: 'center' }}>
      <SevMark severity={a.severity} />
      <StatusMark state={a.state} />
    </span>
    <Time at={a.started_at} mode="age" />
    <span style={{ color: 'var(--tx-0)' }}>{a.title}</span>
    <span className="muted">{programTitle(a.program)}</span>
  </>
);
const idOf = (a: Alert) => a.id;
const faded = (a: Alert) => a.state === 'ended';
const STATES = [
  { value: 'firing', label: 'Firing' },
  { value: 'ended', label: 'Ended' },
  { value: 'all', label: 'All' },
];
const SEVERITIES = [
  { value: 'critical', label: 'Critical' },
  { value: 'warning', label: 'Warning' },
  { value: 'info', label: 'Information' },
];

/** What other programs say is wrong. */
export function Alerts() {
  const [s, set] = useUrlState<Search>();
  const navigate = useNavigate();
  const state = s.state ?? 'firing';
  const rows = useRows<Alert>({
    queryKey: ['outside-alerts', s],
    fetchPage: ({ cursor, limit }, signal) =>
      listAlerts(
        { q: s.q, severity: s.severity, program: s.program, item: s.item, state: state === 'all' ? undefined : state },
        cursor,
        limit,
        signal,
      ),
    idOf,
    topic: 'outside-alerts',
  });
  const filtered = !!(s.q || s.severity || s.program || s.item);
  return (
    <>
      <Toolbar>
        <SearchBox value={s.q ?? ''} onChange={(q) => set({ q })} placeholder="Title or text" label="Find alerts" />
        <Facet
          label="State"
          choices={STATES}
          value={[state]}
          onChange={(v) => set({ state: v.at(-1) === 'firing' ? undefined : (v.at(-1) as Search['state']) })}
        />
        <Facet
          label="Severity"
          choices={SEVERITIES}
          value={s.severity ? [s.severity] : []}
          onChange={(v) => set({ severity: v.at(-1) as Search['severity'] })}
        />
        <Facet
          label="Program"
          choices={Object.entries(TITLES).map(([value, label]) => ({ value, label }))}
          value={s.program ? [s.program] : []}
          onChange={(v) => set({ program: v.at(-1) })}
        />
        {s.item && (
          <Facet
            label="Item"
            choices={[{ value: s.item, label: s.item }]}
            value={[s.item]}
            onChange={(v) => set({ item: v[0] })}
          />
        )}
        <ClearFilters
          on={filtered || !!s.state}
          onClear={() => set({ q: '', state: undefined, severity: undefined, program: undefined, item: undefined })}
        />
        <Spacer />
        <RowCount rows={rows} one="alert" many="alerts" />
      </Toolbar>
      <DataGrid
        label="Outside alerts"
        columns={COLUMNS}
        rows={rows}
        card={card}
        faded={faded}
        onOpen={(a) => void navigate({ to: `/detect/outside/${a.id}` as string })}
        empty={
          filtered || s.state ? (
            <EmptyState
              icon={IconWebhook}
              title="No alert fits"
              hint="Take a filter back, or search for other words."
            />
          ) : (
            <EmptyState
              icon={IconWebhook}
              title="No other program says that anything is wrong"
              hint="Prometheus, Grafana, Zabbix, Datadog and others can send their alerts here. They find their items and become incidents like alerts of Mainstay."
            >
              <Button component={Link} to={'/detect/outside?tab=programs' as string}>
                Connect a program
              </Button>
            </EmptyState>
          )
        }
      />
    </>
  );
}
