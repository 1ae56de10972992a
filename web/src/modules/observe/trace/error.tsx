import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useSession } from '@/lib/session';
import { useLiveQuery } from '@/lib/stream';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { serviceTo, traceTo } from './model';
import { type AppError, changeError, errorQuery } from './queries';

export const Route = createLazyRoute('/observe/errors/$id')({ component: Page });

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(errorQuery(id));
  useLiveQuery('errors', ['errors', id]);
  const e = query.data;
  return (
    <>
      <PageHead title={e ? e.type || 'failed' : 'Error'} parent={{ label: 'Errors', to: '/observe/errors' }}>
        <Spacer />
        {e && <Actions error={e} />}
      </PageHead>
      <Loaded query={query} what="The error" rows={8}>
        {(x) => (
          <DetailLayout label="Error" side={<Side error={x} />}>
            <Panel title="Message">
              <pre className="mono" style={{ margin: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {x.message || 'It says nothing.'}
              </pre>
            </Panel>
            <Stats>
              <Stat label="Times" value={integer(x.count)} />
              <Stat
                label="First"
                value={<Time at={x.first_seen} />}
                note={x.first_version && `version ${x.first_version}`}
              />
              <Stat
                label="Last"
                value={<Time at={x.last_seen} />}
                note={x.last_version && `version ${x.last_version}`}
              />
              <Stat
                label="State"
                value={x.state === 'open' ? 'Open' : x.state === 'resolved' ? 'Resolved' : 'Ignored'}
                note={
                  x.came_back_at ? (
                    <>
                      came back <Time at={x.came_back_at} />
                    </>
                  ) : undefined
                }
              />
            </Stats>
            {x.stack && (
              <Panel title="Stack" note="of the last one">
                <pre className="mono" style={{ margin: 0, overflow: 'auto', fontSize: 12 }}>
                  {x.stack}
                </pre>
              </Panel>
            )}
          </DetailLayout>
        )}
      </Loaded>
    </>
  );
}

function Actions({ error: e }: { error: AppError }) {
  const may = useCan();
  const me = useSession()?.account;
  const client = useQueryClient();
  if (!may('trace.write')) return null;
  const change = (body: Parameters<typeof changeError>[1], said: string) => () =>
    changeError(e.id, body).then(
      () => {
        done(said);
        void client.invalidateQueries({ queryKey: ['errors'] });
      },
      (x) => failed('The error', x),
    );
  return (
    <>
      {!e.assignee && me?.email && (
        <Button variant="default" onClick={change({ assignee: me.email }, 'It is yours now.')}>
          Take it
        </Button>
      )}
      {e.assignee && (
        <Button variant="default" onClick={change({ assignee: '' }, 'Nobody has it now.')}>
          Give it back
        </Button>
      )}
      {e.state === 'open' ? (
        <>
          <Button variant="default" onClick={change({ state: 'ignored' }, 'It is ignored from now on.')}>
            Ignore
          </Button>
          <Button onClick={change({ state: 'resolved' }, 'Resolved. It comes back when it is seen again.')}>
            Resolve
          </Button>
        </>
      ) : (
        <Button onClick={change({ state: 'open' }, 'It is open again.')}>Open again</Button>
      )}
    </>
  );
}

function Side({ error: e }: { error: AppError }) {
  return (
    <SideSection title="Error">
      <KeyValue
        rows={[
          [
            'Service',
            <Link key="s" to={serviceTo(e.service)}>
              {e.service}
            </Link>,
          ],
          ['Operation', e.operation],
          ['Place', e.place && <span className="mono">{e.place}</span>],
          ['Assigned', e.assignee],
          ['Mark', e.came_back_at && <Pill tone="down">came back</Pill>],
          [
            'Last trace',
            <Link key="t" to={traceTo(e.trace_id)}>
              Open the trace
            </Link>,
          ],
        ]}
      />
    </SideSection>
  );
}
