import type { ReactNode } from 'react';
import { bytes } from '@/lib/format';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { SearchBox } from '@/ui/Filters';
import { Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { words } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { type Change, type Fact, type Kind, listChanges, listFacts } from './queries';

type Detail = Record<string, unknown>;
const detail = (f: Fact) => (f.detail ?? {}) as Detail;
const str = (v: unknown) => (v === undefined || v === null ? '' : Array.isArray(v) ? v.join(', ') : String(v));
const size = (f: Fact) => (detail(f).size_bytes ? bytes(Number(detail(f).size_bytes)) : '');

const since: Column<Fact> = {
  id: 'since',
  label: 'Since',
  width: 110,
  right: true,
  render: (f) => <Time at={f.first_seen} />,
};
const name = (label: string, min = 180): Column<Fact> => ({
  id: 'name',
  label,
  min,
  main: true,
  render: (f) => f.name,
});
const of = (id: string, label: string, min = 120): Column<Fact> => ({
  id,
  label,
  min,
  render: (f) => str(detail(f)[id]),
});
const version = (label: string, min = 150): Column<Fact> => ({
  id: 'version',
  label,
  min,
  render: (f) => f.version ?? '',
});

export const FACTS: Record<Kind, { one: string; many: string; columns: Column<Fact>[]; hint: string }> = {
  package: {
    one: 'package',
    many: 'packages',
    columns: [
      name('Package'),
      version('Version', 200),
      of('arch', 'Architecture', 90),
      of('manager', 'From', 80),
      since,
    ],
    hint: 'They are read within the first minute.',
  },
  service: {
    one: 'service',
    many: 'services',
    columns: [
      { id: 'state', label: 'State', width: 120, render: (f) => words(f.version || 'unknown') },
      name('Service'),
      of('title', 'Description', 220),
      { id: 'enabled', label: 'At boot', width: 90, render: (f) => (detail(f).enabled ? 'Starts' : '') },
      since,
    ],
    hint: 'The host has no service manager that the agent knows.',
  },
  port: {
    one: 'port',
    many: 'ports',
    columns: [
      { id: 'port', label: 'Port', width: 100, mono: true, render: (f) => f.key },
      name('Process', 140),
      of('addresses', 'Addresses', 160),
      of('user', 'User', 100),
      of('command', 'Command', 220),
      since,
    ],
    hint: 'Nothing on it takes connections.',
  },
  user: {
    one: 'user',
    many: 'users',
    columns: [
      name('User', 140),
      of('id', 'Number', 80),
      of('home', 'Home', 160),
      of('shell', 'Shell', 140),
      { id: 'admin', label: 'Rights', width: 130, render: (f) => (detail(f).admin ? 'Administrator' : '') },
      since,
    ],
    hint: 'They are read within the first minute.',
  },
  container: {
    one: 'container',
    many: 'containers',
    columns: [
      { id: 'state', label: 'State', width: 120, render: (f) => words(str(detail(f).state) || 'unknown') },
      name('Container'),
      version('Image', 240),
      since,
    ],
    hint: 'No container runs on it, or the agent may not ask the engine.',
  },
  disk: {
    one: 'disk',
    many: 'disks',
    columns: [
      name('Disk', 140),
      of('mount', 'Mounted at', 160),
      of('type', 'Type', 80),
      { id: 'size', label: 'Size', width: 100, right: true, render: size },
      of('model', 'Model', 160),
      { id: 'health', label: 'Health', width: 110, render: (f) => f.version ?? '' },
      since,
    ],
    hint: 'They are read within the first minute.',
  },
  database: {
    one: 'database',
    many: 'databases',
    columns: [
      name('Database', 140),
      of('engine', 'Engine', 100),
      version('Version', 110),
      of('port', 'Port', 80),
      { id: 'size', label: 'Size', width: 100, right: true, render: size },
      of('replication', 'Replication', 140),
      {
        id: 'backup',
        label: 'Last backup',
        width: 120,
        right: true,
        render: (f) =>
          detail(f).last_backup ? (
            <span title={str(detail(f).backup_of)}>
              <Time at={str(detail(f).last_backup)} />
            </span>
          ) : (
            <span className="muted">not known</span>
          ),
      },
      { id: 'of', label: 'Of', min: 100, render: (f) => str(detail(f).backup_of) },
      of('note', 'Note', 260),
    ],
    hint: 'PostgreSQL, MySQL and Redis are found by themselves.',
  },
};

const idOf = (f: Fact) => `${f.agent} ${f.kind} ${f.key}`;
const factCard = (f: Fact) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{f.name}</span>
    <Time at={f.first_seen} />
    <span className="muted">{f.version || f.key}</span>
    <span />
  </>
);

/** What one host has of a kind. */
export function Facts({
  agent,
  kind,
  q,
  onQ,
}: {
  agent: string;
  kind: Kind;
  q: string | undefined;
  onQ: (q: string) => void;
}) {
  const f = FACTS[kind];
  const rows = useRows<Fact>({
    queryKey: ['agent', agent, 'facts', kind, q],
    fetchPage: ({ cursor, limit }, signal) => listFacts({ kind, agent, q }, cursor, limit, signal),
    idOf,
  });
  return (
    <Searched q={q} onQ={onQ} label={`Find ${f.many}`} count={<RowCount rows={rows} one={f.one} many={f.many} />}>
      <DataGrid
        label={f.many}
        columns={f.columns}
        rows={rows}
        card={factCard}
        empty={
          q ? (
            <EmptyState title={`No ${f.one} of that name`} hint="Change or clear the search." />
          ) : (
            <EmptyState title={`No ${f.many}`} hint={f.hint} />
          )
        }
      />
    </Searched>
  );
}

export function Searched({
  q,
  onQ,
  label,
  count,
  children,
}: {
  q: string | undefined;
  onQ: (q: string) => void;
  label: string;
  count: ReactNode;
  children: ReactNode;
}) {
  return (
    <>
      <Toolbar>
        <SearchBox value={q ?? ''} onChange={onQ} placeholder="Part of the name" label={label} />
        <Spacer />
        {count}
      </Toolbar>
      {children}
    </>
  );
}

const CHANGES: Column<Change>[] = [
  { id: 'at', label: 'When', width: 120, render: (c) => <Time at={c.at} /> },
  { id: 'what', label: 'What', width: 130, render: (c) => words(c.what) },
  { id: 'kind', label: 'Kind', width: 110, render: (c) => words(c.kind) },
  { id: 'name', label: 'Name', min: 180, main: true, render: (c) => c.name },
  { id: 'from', label: 'Before', min: 150, render: (c) => <span className="muted">{c.from}</span> },
  { id: 'to', label: 'After', min: 150, render: (c) => c.to },
];
const changeCard = (c: Change) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{c.name}</span>
    <Time at={c.at} />
    <span className="muted">{words(c.what)}</span>
    <span className="muted">{c.to}</span>
  </>
);
const changeId = (c: Change) => c.id;

/** What was installed, changed and removed on one host. */
export function Changes({ agent }: { agent: string }) {
  const rows = useRows<Change>({
    queryKey: ['agent', agent, 'changes'],
    fetchPage: ({ cursor, limit }, signal) => listChanges(agent, cursor, limit, signal),
    idOf: changeId,
  });
  return (
    <DataGrid
      label="Changes"
      columns={CHANGES}
      rows={rows}
      card={changeCard}
      empty={
        <EmptyState
          title="Nothing has changed"
          hint="What is installed, changed or removed from now on is told here."
        />
      }
    />
  );
}
