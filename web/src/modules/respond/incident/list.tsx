import { Button } from '@mantine/core';
import { IconFlame, IconPlus } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { usePeople, useTeams } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { PriorityMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { type Incident, isOpen, STATES, type State } from './model';
import { listIncidents, step } from './queries';

export const Route = createLazyRoute('/respond/incidents')({ component: List });

interface Search {
  q?: string;
  all?: true;
  state?: string[];
  priority?: string;
  team?: string;
  assignee?: string;
}

const COLUMNS: Column<Incident>[] = [
  { id: 'priority', label: 'Priority', width: 72, render: (r) => <PriorityMark priority={r.priority} /> },
  { id: 'number', label: 'Number', width: 84, mono: true, render: (r) => r.number },
  {
    id: 'title',
    label: 'Title',
    min: 240,
    main: true,
    render: (r) => (
      <Link to={`/respond/incidents/${r.number}` as string} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.title}
      </Link>
    ),
  },
  { id: 'state', label: 'State', width: 124, render: (r) => <StatusMark state={r.state} /> },
  {
    id: 'items',
    label: 'Items',
    width: 170,
    render: (r) => (
      <span title={(r.items ?? []).join(', ')}>
        {r.items?.[0] ?? <span className="muted">–</span>}
        {(r.items?.length ?? 0) > 1 && <span className="muted"> +{(r.items?.length ?? 0) - 1}</span>}
      </span>
    ),
  },
  {
    id: 'assignee',
    label: 'Assignee',
    width: 140,
    render: (r) => <span>{r.assignee?.name ?? <span className="muted">Nobody</span>}</span>,
  },
  { id: 'team', label: 'Team', width: 110, render: (r) => <span>{r.team ?? <span className="muted">–</span>}</span> },
  { id: 'age', label: 'Age', width: 84, right: true, render: (r) => <Time at={r.impact_started_at} mode="age" /> },
];

const card = (r: Incident) => (
  <>
    <span style={{ display: 'flex', gap: 8, alignItems: 'center' }}>
      <PriorityMark priority={r.priority} />
      <span className="mono muted">{r.number}</span>
      <StatusMark state={r.state} />
    </span>
    <Time at={r.impact_started_at} mode="age" />
    <span style={{ color: 'var(--tx-0)' }}>{r.title}</span>
    <span className="muted">{r.assignee?.name ?? ''}</span>
  </>
);
const idOf = (r: Incident) => r.number;
const faded = (r: Incident) => !isOpen(r.state);
const PRIORITIES = [1, 2, 3, 4, 5].map((p) => ({ value: String(p), label: `P${p}` }));

function List() {
  const [s, set] = useUrlState<Search>();
  const navigate = useNavigate();
  const can = useCan();
  const people = usePeople();
  const teams = useTeams();
  const rows = useRows<Incident>({
    queryKey: ['incidents', s],
    fetchPage: ({ cursor, limit }, signal) =>
      listIncidents(
        {
          q: s.q,
          open: s.all || s.state ? undefined : true,
          state: s.state as State[] | undefined,
          priority: s.priority ? Number(s.priority) : undefined,
          team: s.team,
          assignee: s.assignee,
        },
        cursor,
        limit,
        signal,
      ),
    idOf,
    topic: 'incidents',
    // A comment changes nothing in the row.
    merge: (row, n) => (n.kind === 'timeline' ? row : { ...row, ...(n.data as Partial<Incident>) }),
  });

  const acknowledge = useCallback(
    async (r: Incident) => {
      if (r.state !== 'new') return;
      rows.patch(r.number, (x) => ({ ...x, state: 'acknowledged' }));
      try {
        const after = await step(r.number, 'acknowledge');
        rows.patch(r.number, (x) => ({ ...x, state: after.state, assignee: after.assignee }));
        done(`${r.number} acknowledged.`);
      } catch (e) {
        rows.patch(r.number, (x) => ({ ...x, state: r.state }));
        failed(`Acknowledging ${r.number}`, e);
      }
    },
    [rows.patch],
  );
  const keys = useMemo(
    () => (can('incident.write') ? { a: (r: Incident) => void acknowledge(r) } : undefined),
    [can, acknowledge],
  );
  const filtered = !!(s.q || s.state || s.priority || s.team || s.assignee);

  return (
    <>
      <PageHead title="Incidents">
        <RowCount rows={rows} one="incident" many="incidents" />
        <Spacer />
        {can('incident.write') && (
          <Button
            leftSection={<IconPlus size={14} />}
            onClick={() => void navigate({ to: '/respond/incidents/new' as string })}
          >
            Open an incident
          </Button>
        )}
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Number or words"
          label="Find incidents"
        />
        <Facet
          label="Show"
          choices={[{ value: 'all', label: 'Also resolved and closed' }]}
          value={s.all ? ['all'] : []}
          onChange={(v) => set({ all: v.length ? true : undefined })}
        />
        <Facet label="State" choices={STATES} value={s.state} onChange={(state) => set({ state })} />
        <Facet
          label="Priority"
          choices={PRIORITIES}
          value={s.priority ? [s.priority] : []}
          onChange={(v) => set({ priority: v.at(-1) })}
        />
        <Facet
          label="Team"
          choices={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
          value={s.team ? [s.team] : []}
          onChange={(v) => set({ team: v.at(-1) })}
        />
        <Facet
          label="Assignee"
          choices={[
            { value: 'me', label: 'Me' },
            { value: 'none', label: 'Nobody' },
            ...people.map((p) => ({ value: p.email, label: p.name })),
          ]}
          value={s.assignee ? [s.assignee] : []}
          onChange={(v) => set({ assignee: v.at(-1) })}
        />
        <ClearFilters
          on={filtered || !!s.all}
          onClear={() =>
            set({ q: '', all: undefined, state: undefined, priority: undefined, team: undefined, assignee: undefined })
          }
        />
      </Toolbar>
      <DataGrid
        label="Incidents"
        columns={COLUMNS}
        rows={rows}
        card={card}
        faded={faded}
        keys={keys}
        onOpen={(r) => void navigate({ to: `/respond/incidents/${r.number}` as string })}
        empty={
          filtered ? (
            <EmptyState
              icon={IconFlame}
              title="No incident fits"
              hint="Take a filter back, or search for other words."
            />
          ) : s.all ? (
            <EmptyState
              icon={IconFlame}
              title="There has been no incident"
              hint="Incidents open by themselves when a check fails, or by hand."
            />
          ) : (
            <EmptyState
              icon={IconFlame}
              title="No open incident"
              hint="New ones show up here by themselves. Resolved and closed ones are under Show."
            />
          )
        }
      />
    </>
  );
}
