import { Button } from '@mantine/core';
import { IconTarget } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { integer, milliseconds } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { JobDialog } from './edit';
import { sourceOf, specOf, stateOf } from './model';
import { deleteJob, type Job, jobQuery, putJob, type Target, targetsQuery } from './queries';

export const Route = createLazyRoute('/observe/scraping/$name')({ component: Page });

const none = <span className="muted">–</span>;
const state = (r: Target) => (r.at ? (r.up ? 'up' : 'down') : 'waiting');

const COLUMNS: Column<Target>[] = [
  { id: 'state', label: 'State', width: 100, render: (r) => <StatusMark state={state(r)} /> },
  { id: 'url', label: 'Target', min: 220, main: true, mono: true, render: (r) => r.url },
  { id: 'labels', label: 'Labels', min: 240, mono: true, render: (r) => <span title={r.labels}>{r.labels}</span> },
  { id: 'samples', label: 'Samples', width: 90, right: true, render: (r) => (r.at ? integer(r.samples) : none) },
  {
    id: 'took',
    label: 'Took',
    width: 90,
    right: true,
    render: (r) => (r.at ? milliseconds(r.duration_seconds * 1000) : none),
  },
  { id: 'at', label: 'Read', width: 110, right: true, render: (r) => (r.at ? <Time at={r.at} /> : none) },
  { id: 'error', label: 'Error', min: 180, render: (r) => r.error || none },
];
const card = (r: Target) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.url}</span>
    <StatusMark state={state(r)} />
    <span className="muted">{r.error || `${integer(r.samples)} samples`}</span>
    {r.at ? <Time at={r.at} /> : none}
  </>
);
const idOf = (r: Target) => r.url + r.labels;
const NONE: Target[] = [];

function Page() {
  const { name } = useParams({ strict: false }) as { name: string };
  const query = useQuery(jobQuery(name));
  return (
    <Loaded query={query} what="The scrape job">
      {(job) => <View job={job} />}
    </Loaded>
  );
}

function View({ job }: { job: Job }) {
  const may = useCan()('source.write');
  const navigate = useNavigate();
  const client = useQueryClient();
  const targets = useQuery(targetsQuery(job.name));
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const rows = useClientRows(targets.data?.items ?? NONE, idOf);
  const again = () => client.invalidateQueries({ queryKey: ['scrape-jobs'] });
  const pause = () =>
    putJob({ ...specOf(job), paused: !job.paused }).then(
      () => {
        void again();
        done(job.paused ? 'The job runs.' : 'The job is paused.');
      },
      (e) => failed('The job is not changed', e),
    );
  return (
    <>
      <PageHead
        title={job.name}
        parent={{ label: 'Scraping', to: '/observe/scraping' }}
        before={<StatusMark state={stateOf(job)} />}
      >
        <Spacer />
        {may && (
          <>
            <Button variant="default" onClick={() => void pause()}>
              {job.paused ? 'Go on' : 'Pause'}
            </Button>
            <Button variant="default" onClick={() => setRemoving(true)}>
              Remove
            </Button>
            <Button onClick={() => setEditing(true)}>Change</Button>
          </>
        )}
      </PageHead>
      <Toolbar>
        <span className="muted">
          Every {job.every}, from {sourceOf(job)}. {integer(job.targets_up)} of {integer(job.targets_found)} targets are
          up.
          {job.problem ? ` Problem: ${job.problem}.` : ''}
        </span>
      </Toolbar>
      <Loaded query={targets} what="The targets">
        {() => (
          <DataGrid
            label="Targets"
            columns={COLUMNS}
            rows={rows}
            card={card}
            empty={
              <EmptyState
                icon={IconTarget}
                title={job.paused ? 'The job is paused' : 'No target was found'}
                hint={
                  job.paused
                    ? 'Its targets are read again when it goes on.'
                    : job.problem || 'Its sources name no target, or the rules drop all of them.'
                }
              />
            }
          />
        )}
      </Loaded>
      <JobDialog
        job={job}
        opened={editing}
        onClose={() => setEditing(false)}
        onSaved={() => {
          void again();
        }}
      />
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove the job ${job.name}?`}
        action="Remove"
        run={async () => {
          await deleteJob(job.name);
          void again();
          done('The job is removed.');
          await navigate({ to: '/observe/scraping' as string });
        }}
      >
        Its targets are not read any more. What was read stays until the end of the retention.
      </ConfirmDialog>
    </>
  );
}
