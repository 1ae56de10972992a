import { Button } from '@mantine/core';
import { IconRouter } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { Bar } from './parts';
import { type Brief, type Filter, listDevices } from './queries';

export const Route = createLazyRoute('/observe/devices')({ component: List });

const url = (name: string) => `/observe/devices/${encodeURIComponent(name)}` as string;
const none = <span className="muted">–</span>;

const COLUMNS: Column<Brief>[] = [
  { id: 'state', label: 'State', width: 110, render: (r) => <StatusMark state={r.state} /> },
  {
    id: 'item',
    label: 'Device',
    min: 160,
    main: true,
    render: (r) => (
      <Link to={url(r.item)} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.item}
      </Link>
    ),
  },
  { id: 'address', label: 'Address', min: 130, mono: true, render: (r) => r.address },
  {
    id: 'ports',
    label: 'Interfaces up',
    width: 120,
    right: true,
    render: (r) => (r.interfaces ? `${integer(r.up)} of ${integer(r.interfaces)}` : none),
  },
  {
    id: 'down',
    label: 'Down',
    width: 70,
    right: true,
    render: (r) => (r.down ? <span style={{ color: 'var(--sev-critical)' }}>{integer(r.down)}</span> : none),
  },
  {
    id: 'busiest',
    label: 'Busiest interface',
    min: 200,
    render: (r) =>
      r.busiest ? (
        <span style={{ display: 'grid', gridTemplateColumns: '1fr 1fr', gap: 8, alignItems: 'center' }}>
          <span className="mono" style={{ overflow: 'hidden', textOverflow: 'ellipsis' }}>
            {r.busiest}
          </span>
          <Bar ratio={r.busiest_ratio} label={r.busiest} />
        </span>
      ) : (
        none
      ),
  },
  {
    id: 'errors',
    label: 'Errors/s',
    width: 90,
    right: true,
    render: (r) => (r.errors_per_second > 0 ? Number(r.errors_per_second.toPrecision(2)) : none),
  },
  { id: 'watched', label: 'Watched', width: 90, right: true, render: (r) => (r.watched ? integer(r.watched) : none) },
  { id: 'from', label: 'Polled by', min: 100, render: (r) => r.from || <span className="muted">the server</span> },
  {
    id: 'polled',
    label: 'Polled',
    width: 110,
    right: true,
    render: (r) => (r.polled_at ? <Time at={r.polled_at} /> : <span className="muted">not yet</span>),
  },
];
const card = (r: Brief) => (
  <>
    <StatusMark state={r.state} />
    <span className="muted">{r.interfaces ? `${r.up} of ${r.interfaces} up` : ''}</span>
    <span style={{ color: 'var(--tx-0)' }}>{r.item}</span>
    <span className="mono muted">{r.address}</span>
  </>
);
const idOf = (r: Brief) => r.item;
const faded = (r: Brief) => r.state === 'off';
const STATES = [
  { value: 'up', label: 'Up' },
  { value: 'down', label: 'Down' },
  { value: 'waiting', label: 'Waiting' },
  { value: 'off', label: 'Off' },
];
const PORTS = [{ value: 'down', label: 'With one down' }];

function List() {
  const [s, set] = useUrlState<Filter>();
  const navigate = useNavigate();
  const rows = useRows<Brief>({
    queryKey: ['devices', s],
    fetchPage: ({ cursor, limit }, signal) => listDevices(s, cursor, limit, signal),
    idOf,
  });
  const filtered = !!(s.q || s.state?.length || s.ports);
  return (
    <>
      <PageHead title="Devices">
        <RowCount rows={rows} one="device" many="devices" />
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Name or address"
          label="Find devices"
        />
        <Facet
          label="State"
          choices={STATES}
          value={s.state}
          onChange={(v) => set({ state: v.length ? v : undefined })}
        />
        <Facet
          label="Interfaces"
          choices={PORTS}
          value={s.ports ? [s.ports] : undefined}
          onChange={(v) => set({ ports: v.length ? 'down' : undefined })}
        />
        <ClearFilters on={filtered} onClear={() => set({ q: undefined, state: undefined, ports: undefined })} />
      </Toolbar>
      <DataGrid
        label="Devices"
        columns={COLUMNS}
        rows={rows}
        card={card}
        faded={faded}
        onOpen={(r) => void navigate({ to: url(r.item) })}
        empty={
          filtered ? (
            <EmptyState icon={IconRouter} title="No device is like this" hint="Change or clear the filters." />
          ) : (
            <EmptyState
              icon={IconRouter}
              title="No device is polled yet"
              hint="Discover a network with an SNMP credential. What answers is polled from then on."
            >
              <Button component={Link} to={'/estate/discovery' as string}>
                Discovery
              </Button>
            </EmptyState>
          )
        }
      />
    </>
  );
}
