import { Button } from '@mantine/core';
import { IconPlus, IconRouteSquare2 } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { AddEdge } from './add';
import { waitingText } from './model';
import { type Edge, listEdges } from './queries';

export const Route = createLazyRoute('/observe/edges')({ component: List });

const url = (name: string) => `/observe/edges/${encodeURIComponent(name)}` as string;

const COLUMNS: Column<Edge>[] = [
  { id: 'state', label: 'State', width: 130, render: (r) => <StatusMark state={r.state} /> },
  {
    id: 'name',
    label: 'Edge',
    min: 160,
    main: true,
    render: (r) => (
      <Link to={url(r.name)} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'host', label: 'Host', min: 150, render: (r) => r.hostname },
  { id: 'address', label: 'Address', min: 130, mono: true, render: (r) => r.address },
  { id: 'version', label: 'Version', min: 110, render: (r) => r.version },
  { id: 'checks', label: 'Checks', width: 90, right: true, render: (r) => integer(r.checks) },
  { id: 'devices', label: 'Devices', width: 90, right: true, render: (r) => integer(r.devices) },
  {
    id: 'waiting',
    label: 'Buffered',
    min: 150,
    render: (r) => waitingText(r) ?? <span className="muted">nothing</span>,
  },
  {
    id: 'seen',
    label: 'Last seen',
    width: 110,
    right: true,
    render: (r) => (r.last_seen_at ? <Time at={r.last_seen_at} /> : <span className="muted">never</span>),
  },
];
const card = (r: Edge) => (
  <>
    <StatusMark state={r.state} />
    {r.last_seen_at ? <Time at={r.last_seen_at} /> : <span className="muted">never</span>}
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">
      {integer(r.checks)} {r.checks === 1 ? 'check' : 'checks'}
    </span>
  </>
);
const idOf = (r: Edge) => r.name;
const faded = (r: Edge) => r.state === 'revoked';

function List() {
  const [s, set] = useUrlState<{ q?: string; add?: boolean }>();
  const navigate = useNavigate();
  const may = useCan()('agent.write');
  const rows = useRows<Edge>({
    queryKey: ['edges', s.q],
    fetchPage: ({ cursor, limit }, signal) => listEdges(s, cursor, limit, signal),
    idOf,
    topic: 'edges',
  });
  const add = (
    <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: true })}>
      Add an edge
    </Button>
  );
  return (
    <>
      <PageHead title="Edges">
        <RowCount rows={rows} one="edge" many="edges" />
        <Spacer />
        {may && add}
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Name, host or address"
          label="Find edges"
        />
        <ClearFilters on={!!s.q} onClear={() => set({ q: undefined })} />
      </Toolbar>
      <DataGrid
        label="Edges"
        columns={COLUMNS}
        rows={rows}
        card={card}
        faded={faded}
        onOpen={(r) => void navigate({ to: url(r.name) })}
        empty={
          s.q ? (
            <EmptyState icon={IconRouteSquare2} title="No edge has this in its name" hint="Change or clear the text." />
          ) : (
            <EmptyState
              icon={IconRouteSquare2}
              title="Everything runs on the server"
              hint="An edge runs checks, discovery and SNMP polling in a network that the server does not reach. It connects outwards, and keeps results while the line is down."
            >
              {may && add}
            </EmptyState>
          )
        }
      />
      <AddEdge opened={!!s.add && may} onClose={() => set({ add: undefined })} />
    </>
  );
}
