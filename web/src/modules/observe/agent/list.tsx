import { Button } from '@mantine/core';
import { IconFileText, IconKey, IconPlus, IconRefresh, IconRobot } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { skewText } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { AddHost } from './add';
import classes from './agent.module.css';
import { type Agent, listAgents, type State } from './queries';
import { ProgramMark, UpdateAgents } from './update';

export const Route = createLazyRoute('/estate/agents')({ component: List });

const url = (name: string) => `/estate/agents/${encodeURIComponent(name)}` as string;

function Marks({ agent: a }: { agent: Agent }) {
  return (
    <span className={classes.marks}>
      <StatusMark state={a.state} />
      {a.twins.length > 0 && <Pill tone="warn">same machine id</Pill>}
    </span>
  );
}

const COLUMNS: Column<Agent>[] = [
  { id: 'state', label: 'State', width: 210, render: (r) => <Marks agent={r} /> },
  {
    id: 'name',
    label: 'Host',
    min: 200,
    main: true,
    render: (r) => (
      <Link to={url(r.name)} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'address', label: 'Address', min: 140, mono: true, render: (r) => r.address },
  { id: 'os', label: 'System', width: 130, render: (r) => `${r.os} ${r.arch}` },
  {
    id: 'version',
    label: 'Agent',
    width: 210,
    render: (r) => (
      <span className={classes.marks}>
        {r.version}
        <ProgramMark program={r.program} />
      </span>
    ),
  },
  {
    id: 'skew',
    label: 'Clock',
    width: 130,
    render: (r) => skewText(r.skew_ms) ?? <span className="muted">right</span>,
  },
  {
    id: 'seen',
    label: 'Last seen',
    width: 110,
    right: true,
    render: (r) => (r.last_seen_at ? <Time at={r.last_seen_at} /> : <span className="muted">never</span>),
  },
];
const card = (r: Agent) => (
  <>
    <Marks agent={r} />
    {r.last_seen_at ? <Time at={r.last_seen_at} /> : <span className="muted">never</span>}
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{r.address}</span>
  </>
);
const idOf = (r: Agent) => r.name;
const faded = (r: Agent) => r.state === 'revoked';
const STATES = [
  { value: 'up', label: 'Up' },
  { value: 'late', label: 'Late' },
  { value: 'offline', label: 'Offline' },
  { value: 'waiting', label: 'Waiting' },
  { value: 'revoked', label: 'Revoked' },
];

function List() {
  const [s, set] = useUrlState<{ q?: string; state?: State; add?: boolean; update?: boolean }>();
  const navigate = useNavigate();
  const may = useCan()('agent.write');
  const rows = useRows<Agent>({
    queryKey: ['agents', s.q, s.state],
    fetchPage: ({ cursor, limit }, signal) => listAgents(s, cursor, limit, signal),
    idOf,
    topic: 'agents',
  });
  const filtered = !!(s.q || s.state);
  const add = (
    <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: true })}>
      Add a host
    </Button>
  );
  return (
    <>
      <PageHead title="Agents">
        <RowCount rows={rows} one="agent" many="agents" />
        <Spacer />
        <Button
          variant="default"
          component={Link}
          to={'/estate/agent-tokens' as string}
          leftSection={<IconKey size={14} />}
        >
          Tokens
        </Button>
        <Button
          variant="default"
          component={Link}
          to={'/estate/agent-logs' as string}
          leftSection={<IconFileText size={14} />}
        >
          Logs
        </Button>
        {may && (
          <Button variant="default" leftSection={<IconRefresh size={14} />} onClick={() => set({ update: true })}>
            Update
          </Button>
        )}
        {may && add}
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Name or address"
          label="Find agents"
        />
        <Facet
          label="State"
          choices={STATES}
          value={s.state ? [s.state] : []}
          onChange={(v) => set({ state: v.at(-1) as State | undefined })}
        />
        <ClearFilters on={filtered} onClear={() => set({ q: undefined, state: undefined })} />
      </Toolbar>
      <DataGrid
        label="Agents"
        columns={COLUMNS}
        rows={rows}
        card={card}
        faded={faded}
        onOpen={(r) => void navigate({ to: url(r.name) })}
        empty={
          filtered ? (
            <EmptyState icon={IconRobot} title="No agent fits these filters" hint="Change or clear them." />
          ) : (
            <EmptyState
              icon={IconRobot}
              title="No host has an agent yet"
              hint="An agent tells figures, processes, packages, ports and more of its host. One line installs it."
            >
              {may && add}
            </EmptyState>
          )
        }
      />
      <UpdateAgents opened={!!s.update && may} onClose={() => set({ update: undefined })} />
      <AddHost opened={!!s.add && may} onClose={() => set({ add: undefined })} />
    </>
  );
}
