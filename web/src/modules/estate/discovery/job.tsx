import { Button, Drawer, Progress } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { duration, integer, number } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLive, useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel, Stat, Stats } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { FindingDetail, Findings } from './findings';
import { Log } from './log';
import { type Finding, type Job, jobURL, percentOf, type Run, runTone, scheduleText, share } from './model';
import { control, type FindingFilter, jobQuery, runQuery, type Verb } from './queries';

export const Route = createLazyRoute('/estate/discovery/$name')({ component: Page });

interface Search extends FindingFilter {
  run?: string;
  tab?: 'findings' | 'drift' | 'runs' | 'log';
}

function Page() {
  const { name } = useParams({ strict: false }) as { name: string };
  const query = useQuery(jobQuery(name));
  useLiveQuery('discovery', ['discovery-job', name], name);
  return (
    <Loaded query={query} what="The discovery job">
      {({ data }) => <One job={data} />}
    </Loaded>
  );
}

function One({ job }: { job: Job }) {
  const name = job.name ?? '';
  const [s, set] = useUrlState<Search>();
  const [finding, setFinding] = useState<Finding>();
  const id = s.run ?? job.run?.id ?? '';
  const client = useQueryClient();
  const asked = useQuery(runQuery(id));
  useLive<Run>('discovery', (n) => {
    if (n.id !== id) return;
    if (n.kind === 'progress' && n.data) client.setQueryData(runQuery(id).queryKey, n.data);
    if (n.kind === 'ended') {
      void client.invalidateQueries({ queryKey: ['discovery-run', id] });
      void client.invalidateQueries({ queryKey: ['discovery-job', name] });
    }
  });
  const run = asked.data ?? job.run;
  const tab = s.tab ?? 'findings';
  return (
    <>
      <PageHead title={name} parent={{ label: 'Discovery', to: '/estate/discovery' }}>
        <Pill tone={runTone(job.state)}>{job.state}</Pill>
        <Spacer />
        <Controls job={job} />
      </PageHead>
      {run ? <Progressed run={run} newest={run.id === job.run?.id} /> : <NotYet job={job} />}
      <Tabs
        label="Parts of the job"
        tabs={[
          { value: 'findings', label: 'Findings', count: run?.found },
          { value: 'drift', label: 'Drift' },
          { value: 'runs', label: 'Runs' },
          { value: 'log', label: 'Log' },
        ]}
        value={tab}
        onChange={(t) => set({ tab: t === 'findings' ? undefined : t })}
      />
      {tab === 'findings' && <Findings run={run} filter={s} onFilter={set} onOpen={setFinding} />}
      {tab === 'drift' && <Findings drift={name} filter={s} onFilter={set} onOpen={setFinding} />}
      {tab === 'runs' && <Runs job={name} chosen={id} onChoose={(r) => set({ run: r, tab: undefined })} />}
      {tab === 'log' && <Log run={run} />}
      <Drawer
        opened={!!finding}
        onClose={() => setFinding(undefined)}
        position="right"
        title={finding?.address}
        size={480}
      >
        {finding && <FindingDetail finding={finding} />}
      </Drawer>
    </>
  );
}

function NotYet({ job }: { job: Job }) {
  return (
    <div style={{ padding: '12px 16px' }} className="muted">
      It has not run yet. It has {integer(job.addresses)} addresses and runs {scheduleText(job.schedule)}.
    </div>
  );
}

function Progressed({ run, newest }: { run: Run; newest: boolean }) {
  const going = run.state === 'running';
  const open = going || run.state === 'waiting' || run.state === 'paused';
  return (
    <div style={{ padding: '12px 16px', display: 'flex', flexDirection: 'column', gap: 10, flex: 'none' }}>
      {open && (
        <div style={{ display: 'flex', alignItems: 'center', gap: 12 }}>
          <Progress value={100 * share(run)} style={{ flex: 1 }} aria-label="Progress of the run" animated={going} />
          <span className="num">{percentOf(run)}</span>
          <span className="muted" style={{ minWidth: 110, textAlign: 'right' }}>
            {going && run.eta_seconds ? `${duration(run.eta_seconds)} left` : run.state}
          </span>
        </div>
      )}
      <Stats>
        <Stat label="Asked" value={integer(run.done)} note={`of ${integer(run.total)}`} />
        <Stat label="Answer" value={integer(run.found)} note={`${integer(run.unchanged)} unchanged`} />
        <Stat label="New" value={integer(run.new)} />
        <Stat label="Changed" value={integer(run.changed)} />
        <Stat label="Vanished" value={integer(run.vanished)} />
        <Stat
          label="Time"
          value={duration(Math.round(run.seconds))}
          note={
            going && run.addresses_per_second
              ? `${number(run.addresses_per_second)} addresses/s`
              : `${integer(run.packets_sent)} packets`
          }
        />
      </Stats>
      <div className="muted">
        {!newest && (
          <>
            This is an older run. <Link to={jobURL(run.job) as string}>Show the newest</Link>.{' '}
          </>
        )}
        Started <Time at={run.started_at ?? run.created_at} /> by {run.trigger}
        {run.spec.from && (
          <>
            , from the edge{' '}
            <Link to={`/observe/edges/${encodeURIComponent(run.spec.from)}` as string}>{run.spec.from}</Link>
          </>
        )}
        . {run.message}
      </div>
    </div>
  );
}

function Controls({ job }: { job: Job }) {
  const name = job.name ?? '';
  const may = useCan()('discovery.write');
  const client = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState<Verb>();
  const [removing, setRemoving] = useState(false);
  if (!may) return null;
  const act = async (verb: Verb) => {
    setBusy(verb);
    try {
      await control(name, verb);
      await client.invalidateQueries({ queryKey: ['discovery-job', name] });
      if (verb === 'run') await navigate({ to: jobURL(name) as string });
    } catch (e) {
      failed(`${name}: ${verb}`, e);
    } finally {
      setBusy(undefined);
    }
  };
  const button = (verb: Verb, label: string, main = false) => (
    <Button variant={main ? undefined : 'default'} loading={busy === verb} onClick={() => void act(verb)}>
      {label}
    </Button>
  );
  const open = job.run && ['running', 'waiting', 'paused'].includes(job.run.state);
  return (
    <>
      <Button variant="subtle" color="gray" onClick={() => setRemoving(true)}>
        Remove
      </Button>
      <Button variant="default" component={Link} to={`${jobURL(name)}/edit` as string}>
        Change
      </Button>
      {open && button('cancel', 'Cancel')}
      {job.state === 'paused' ? button('resume', 'Resume', true) : (open || job.schedule) && button('pause', 'Pause')}
      {!open && button('run', 'Run now', job.state !== 'paused')}
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove the discovery job ${name}?`}
        action="Remove"
        run={async () => {
          await call(http.DELETE('/api/v1/discovery-jobs/{name}', { params: { path: { name } } }));
          await client.invalidateQueries({ queryKey: ['discovery-jobs'] });
          done('The job is removed.');
          await navigate({ to: '/estate/discovery' as string });
        }}
      >
        Its runs and findings go too. Items that it made stay.
      </ConfirmDialog>
    </>
  );
}

function Runs({ job, chosen, onChoose }: { job: string; chosen: string; onChoose: (id: string) => void }) {
  const query = useQuery({
    queryKey: ['discovery-job', job, 'runs'],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/discovery-jobs/{name}/runs', {
          params: { path: { name: job }, query: { limit: 100 } },
          signal,
        }),
      ),
  });
  return (
    <Loaded query={query} what="The runs">
      {(list) => (
        <PageBody label="Runs">
          <Panel flush>
            <table className="plain">
              <thead>
                <tr>
                  <th style={{ width: 100 }}>State</th>
                  <th style={{ width: 170 }}>Started</th>
                  <th>By</th>
                  <th style={{ width: 100 }}>Took</th>
                  <th style={{ width: 80 }}>Answer</th>
                  <th style={{ width: 70 }}>New</th>
                  <th style={{ width: 80 }}>Changed</th>
                  <th style={{ width: 80 }}>Vanished</th>
                </tr>
              </thead>
              <tbody>
                {list.items.map((r) => (
                  <tr key={r.id} aria-current={r.id === chosen ? 'true' : undefined}>
                    <td>
                      <Pill tone={runTone(r.state)}>{r.state}</Pill>
                    </td>
                    <td>
                      <Button variant="subtle" size="compact-xs" px={0} onClick={() => onChoose(r.id)}>
                        <Time at={r.started_at ?? r.created_at} mode="absolute" />
                      </Button>
                    </td>
                    <td className="muted">{r.trigger}</td>
                    <td className="num">{duration(Math.round(r.seconds))}</td>
                    <td className="num">{integer(r.found)}</td>
                    <td className="num">{integer(r.new)}</td>
                    <td className="num">{integer(r.changed)}</td>
                    <td className="num">{integer(r.vanished)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Panel>
        </PageBody>
      )}
    </Loaded>
  );
}
