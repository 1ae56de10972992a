import { Button, Progress } from '@mantine/core';
import { IconPlus, IconRadar2 } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLive, useLiveQuery } from '@/lib/stream';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { type Job, jobURL, percentOf, type Run, runTone, scheduleText, share, stateOf } from './model';
import { jobsQuery } from './queries';

export const Route = createLazyRoute('/estate/discovery')({ component: List });

const none = <span className="muted">–</span>;

function Far({ run }: { run: Run | undefined }) {
  if (!run || !['running', 'paused', 'waiting'].includes(run.state)) return run ? <Time at={run.created_at} /> : none;
  return (
    <span style={{ display: 'flex', alignItems: 'center', gap: 8, width: '100%' }}>
      <Progress value={100 * share(run)} size="sm" style={{ flex: 1 }} aria-label={`Progress of ${run.job}`} />
      <span className="num">{percentOf(run)}</span>
    </span>
  );
}

const COLUMNS: Column<Job>[] = [
  { id: 'state', label: 'State', width: 110, render: (r) => <Pill tone={runTone(stateOf(r))}>{stateOf(r)}</Pill> },
  {
    id: 'name',
    label: 'Job',
    min: 130,
    main: true,
    render: (r) => (
      <Link to={jobURL(r.name ?? '') as string} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'targets', label: 'Targets', min: 130, mono: true, render: (r) => <span>{r.targets?.join(', ')}</span> },
  { id: 'addresses', label: 'Addresses', width: 90, right: true, render: (r) => integer(r.addresses) },
  { id: 'hosts', label: 'Answer', width: 80, right: true, render: (r) => integer(r.hosts) },
  { id: 'last', label: 'Last run', width: 130, render: (r) => <Far run={r.run} /> },
  { id: 'drift', label: 'New / changed / vanished', width: 168, right: true, render: (r) => <Counts run={r.run} /> },
  {
    id: 'schedule',
    label: 'Runs',
    min: 130,
    render: (r) => <span title={scheduleText(r.schedule)}>{scheduleText(r.schedule)}</span>,
  },
  {
    id: 'next',
    label: 'Next run',
    width: 110,
    right: true,
    render: (r) => (r.next_at ? <Time at={r.next_at} /> : none),
  },
];

function Counts({ run }: { run: Run | undefined }) {
  if (!run) return none;
  return (
    <span className="num">
      {integer(run.new)} / {integer(run.changed)} / {integer(run.vanished)}
    </span>
  );
}

const card = (r: Job) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <Pill tone={runTone(stateOf(r))}>{stateOf(r)}</Pill>
    <span className="muted">{integer(r.addresses)} addresses</span>
    {r.run ? <Time at={r.run.created_at} mode="age" /> : <span />}
  </>
);
const idOf = (r: Job) => r.id;
const NONE: Job[] = [];

function List() {
  const query = useQuery(jobsQuery);
  const client = useQueryClient();
  const navigate = useNavigate();
  const may = useCan()('discovery.write');
  useLiveQuery('discovery', ['discovery-jobs']);
  // Progress comes with the note, so the bars move without asking the server.
  useLive<Run>('discovery', (n) => {
    if (n.kind !== 'progress' || !n.data) return;
    const run = n.data;
    client.setQueryData(jobsQuery.queryKey, (old) =>
      old ? { ...old, items: old.items.map((j) => (j.run?.id === run.id ? { ...j, run } : j)) } : old,
    );
  });
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const add = (
    <Button component={Link} to={'/estate/discovery/new' as string} leftSection={<IconPlus size={14} />}>
      Discover a network
    </Button>
  );
  return (
    <>
      <PageHead title="Discovery">
        {query.data && <RowCount rows={rows} one="job" many="jobs" />}
        <Spacer />
        {may && add}
      </PageHead>
      <Loaded query={query} what="The discovery jobs">
        {() => (
          <DataGrid
            label="Discovery jobs"
            columns={COLUMNS}
            rows={rows}
            card={card}
            onOpen={(r) => void navigate({ to: jobURL(r.name ?? '') as string })}
            empty={
              <EmptyState
                icon={IconRadar2}
                title="No network has been looked at"
                hint="Type a subnet and credentials, and Mainstay finds the devices in it: what each is, its ports and names, and which checks make sense."
              >
                {may && add}
              </EmptyState>
            }
          />
        )}
      </Loaded>
    </>
  );
}
