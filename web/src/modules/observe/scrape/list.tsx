import { Button } from '@mantine/core';
import { IconDownload, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { JobDialog } from './edit';
import { jobURL, sourceOf, stateOf } from './model';
import { type Job, jobsQuery } from './queries';

export const Route = createLazyRoute('/observe/scraping')({ component: List });

const COLUMNS: Column<Job>[] = [
  { id: 'state', label: 'State', width: 110, render: (r) => <StatusMark state={stateOf(r)} /> },
  {
    id: 'name',
    label: 'Job',
    min: 140,
    main: true,
    render: (r) => (
      <Link to={jobURL(r.name) as string} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'from', label: 'Targets from', min: 220, mono: true, render: (r) => sourceOf(r) },
  {
    id: 'up',
    label: 'Up',
    width: 90,
    right: true,
    render: (r) => `${integer(r.targets_up)} of ${integer(r.targets_found)}`,
  },
  { id: 'samples', label: 'Samples', width: 100, right: true, render: (r) => integer(r.samples) },
  { id: 'every', label: 'Every', width: 80, right: true, render: (r) => r.every },
  {
    id: 'problem',
    label: 'Problem',
    min: 160,
    render: (r) => r.problem || <span className="muted">–</span>,
  },
];
const card = (r: Job) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <StatusMark state={stateOf(r)} />
    <span className="muted">{sourceOf(r)}</span>
    <span className="num">
      {integer(r.targets_up)} of {integer(r.targets_found)} up
    </span>
  </>
);
const idOf = (r: Job) => r.name;
const faded = (r: Job) => !!r.paused;
const NONE: Job[] = [];

function List() {
  const [s, set] = useUrlState<{ add?: boolean }>();
  const navigate = useNavigate();
  const may = useCan()('source.write');
  const query = useQuery(jobsQuery);
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const add = (
    <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: true })}>
      Add a job
    </Button>
  );
  return (
    <>
      <PageHead title="Scraping">
        {query.data && <RowCount rows={rows} one="job" many="jobs" />}
        <Spacer />
        {may && add}
      </PageHead>
      <Loaded query={query} what="The scrape jobs">
        {() => (
          <DataGrid
            label="Scrape jobs"
            columns={COLUMNS}
            rows={rows}
            card={card}
            faded={faded}
            onOpen={(r) => void navigate({ to: jobURL(r.name) as string })}
            empty={
              <EmptyState
                icon={IconDownload}
                title="Nothing is scraped"
                hint="A job reads exporters of Prometheus, such as node_exporter, at their addresses."
              >
                {may && add}
              </EmptyState>
            }
          />
        )}
      </Loaded>
      <JobDialog
        opened={!!s.add && may}
        onClose={() => set({ add: undefined })}
        onSaved={(name) => void navigate({ to: jobURL(name) as string })}
      />
    </>
  );
}
