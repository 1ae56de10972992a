import { Button } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { PriorityMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { Broken } from './broken';
import { Begin, Counts } from './counts';
import { Alerts, OnCall } from './duty';
import { ThisHost } from './host';
import classes from './overview.module.css';
import {
  accept,
  acknowledge,
  certificatesQuery,
  dismiss,
  incidentsQuery,
  suggestionsQuery,
  systemQuery,
  worstQuery,
} from './queries';

export const Route = createLazyRoute('/')({ component: Page });

function Page() {
  return (
    <>
      <PageHead title="Overview"></PageHead>
      <PageBody label="What needs attention">
        <Self />
        <Counts />
        <Begin />
        <div className={classes.grid}>
          <div className={classes.column}>
            <Incidents />
            <Alerts />
            <Worst />
            <Found />
          </div>
          <div className={classes.column}>
            <OnCall />
            <ThisHost />
            <Certificates />
          </div>
        </div>
      </PageBody>
    </>
  );
}

/** What is wrong with Mainstay itself; nothing when all is well. */
function Self() {
  const q = useQuery(systemQuery);
  const problems = q.data?.problems ?? [];
  if (!problems.length) return null;
  return (
    <Panel title="Mainstay itself has a problem">
      {problems.map((p) => (
        <p key={p.name} style={{ margin: 0 }}>
          <StatusMark state="critical" /> <b>{p.name}</b>: {p.message}
        </p>
      ))}
    </Panel>
  );
}

function Incidents() {
  const query = useQuery(incidentsQuery);
  const client = useQueryClient();
  const may = useCan()('incident.write');
  useLiveQuery('incidents', ['incidents', 'open']);
  return (
    <Panel title="Open incidents" note={query.data?.items.length || undefined} flush>
      <Loaded query={query} what="The incidents" small rows={3}>
        {(list) =>
          list.items.length ? (
            <table className="plain">
              <tbody>
                {list.items.map((i) => (
                  <tr key={i.number}>
                    <td style={{ width: 56 }}>
                      <PriorityMark priority={i.priority} />
                    </td>
                    <td>
                      <Link to={`/respond/incidents/${i.number}` as string}>
                        <span className="mono">{i.number}</span> {i.title}
                      </Link>
                    </td>
                    <td style={{ width: 120 }}>
                      <StatusMark state={i.state} />
                    </td>
                    <td style={{ width: 70, textAlign: 'right' }}>
                      <Time at={i.impact_started_at} mode="age" />
                    </td>
                    <td style={{ width: 104, textAlign: 'right' }}>
                      {i.state === 'new' && may ? (
                        <Button
                          size="compact-xs"
                          onClick={() =>
                            acknowledge(i.number).then(
                              () => {
                                void client.invalidateQueries({ queryKey: ['incidents'] });
                                done(`You have ${i.number}.`);
                              },
                              (e) => failed('The incident', e),
                            )
                          }
                        >
                          Acknowledge
                        </Button>
                      ) : (
                        <span className="muted">{i.assignee?.name ?? i.acknowledged_by}</span>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <div className={classes.calm}>
              <IconCircleCheck size={18} color="var(--st-ok)" />
              <span>No incident is open.</span>
            </div>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Worst() {
  const query = useQuery(worstQuery);
  useLiveQuery('checks', ['checks', 'worst']);
  const list = query.data?.items ?? [];
  if (query.isError && !query.data) return <Broken title="Failing checks" query={query} />;
  if (!list.length) return null;
  return (
    <Panel title="Failing checks" note={query.data?.total} flush>
      <table className="plain">
        <tbody>
          {list.map((c) => (
            <tr key={c.name}>
              <td style={{ width: 110 }}>
                <StatusMark state={c.state} soft={!c.hard} />
              </td>
              <td style={{ width: '30%' }}>
                <Link to={`/observe/checks/${encodeURIComponent(c.name)}` as string}>{c.name}</Link>
              </td>
              <td className="muted">{c.last_result?.output}</td>
              <td style={{ width: 70, textAlign: 'right' }}>{c.since && <Time at={c.since} mode="age" />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

/** What discovery found and nobody watches yet. */
function Found() {
  const query = useQuery(suggestionsQuery);
  const client = useQueryClient();
  const may = useCan()('check.write');
  useLiveQuery('host', ['suggestions']);
  const list = query.data?.items ?? [];
  if (query.isError && !query.data) return <Broken title="Found on this machine" query={query} />;
  if (!list.length) return null;
  const again = () => {
    void client.invalidateQueries({ queryKey: ['suggestions'] });
    void client.invalidateQueries({ queryKey: ['checks'] });
  };
  const take = (ids: string[]) =>
    accept(ids).then(
      () => {
        again();
        done(ids.length === 1 ? 'The check was added.' : `${ids.length} checks were added.`);
      },
      (e) => failed('The suggestion', e),
    );
  return (
    <Panel
      title="Found on this machine, not watched yet"
      note={list.length}
      flush
      tools={
        may && (
          <Button size="compact-xs" variant="default" onClick={() => void take(list.map((s) => s.id))}>
            Accept all
          </Button>
        )
      }
    >
      <table className="plain">
        <tbody>
          {list.slice(0, 30).map((s) => (
            <tr key={s.id}>
              <td>
                <Link to={`/estate/items/${encodeURIComponent(s.item)}` as string}>{s.name}</Link>
              </td>
              <td className="wide" style={{ width: 60 }}>
                {s.type}
              </td>
              <td className="wide muted">{s.reason}</td>
              <td style={{ width: 140, textAlign: 'right', whiteSpace: 'nowrap' }}>
                {may && (
                  <>
                    <Button size="compact-xs" variant="default" onClick={() => void take([s.id])}>
                      Accept
                    </Button>{' '}
                    <Button
                      size="compact-xs"
                      variant="subtle"
                      color="gray"
                      onClick={() => dismiss(s.id).then(again, (e) => failed('The suggestion', e))}
                    >
                      Dismiss
                    </Button>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Certificates() {
  const query = useQuery(certificatesQuery);
  const list = query.data?.items ?? [];
  if (query.isError && !query.data) return <Broken title="Certificates" query={query} />;
  if (!list.length) return null;
  const tone = (t: string) => {
    const days = (Date.parse(t) - Date.now()) / 86_400_000;
    return days < 7 ? 'critical' : days < 30 ? 'warning' : 'ok';
  };
  return (
    <Panel title="Certificates" note="the next to expire first" flush>
      <table className="plain">
        <tbody>
          {list.map((c) => (
            <tr key={c.item}>
              <td style={{ width: 100 }}>
                <StatusMark state={tone(c.not_after)} />
              </td>
              <td>
                <Link to={`/estate/items/${encodeURIComponent(c.item)}` as string}>{c.item}</Link>
              </td>
              <td style={{ textAlign: 'right' }}>
                <Time at={c.not_after} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
