import { Button } from '@mantine/core';
import { IconBellOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { Loaded } from '@/ui/Loading';
import { Panel } from '@/ui/Panel';
import { SevMark } from '@/ui/SevMark';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import classes from './overview.module.css';
import { alertsQuery, oncallQuery } from './queries';

/** Who is on call in each schedule, and who comes next. */
export function OnCall() {
  const may = useCan()('oncall.write');
  const query = useQuery(oncallQuery);
  useLiveQuery('oncall', ['oncall', 'now']);
  return (
    <Panel title="On call now" flush>
      <Loaded query={query} what="Who is on call" small rows={2}>
        {(list) =>
          list.items.length ? (
            <table className="plain">
              <tbody>
                {list.items.map((d) => (
                  <tr key={d.schedule}>
                    <td>
                      <Link to={'/respond/oncall' as string}>{d.schedule}</Link>
                    </td>
                    <td>
                      {d.person ? d.person.name : <StatusMark state="warning" label={false} />}
                      {!d.person && ' Nobody'}
                      {d.override && <span className="muted">, took over</span>}
                    </td>
                    <td className="muted wide" style={{ textAlign: 'right' }}>
                      {d.until && (
                        <>
                          {d.next ? `${d.next.name} ` : 'until '}
                          <Time at={d.until} />
                        </>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <div className={classes.calm}>
              <IconBellOff size={16} color="var(--tx-2)" />
              <span>No schedule says who is called.</span>
              {may && (
                <Button component={Link} to={'/respond/schedules/new' as string} size="compact-xs" variant="default">
                  Add a schedule
                </Button>
              )}
            </div>
          )
        }
      </Loaded>
    </Panel>
  );
}

/** Alerts that fire now, the newest first; nothing when there is none. */
export function Alerts() {
  const query = useQuery(alertsQuery);
  useLiveQuery('alerts', ['alerts', 'firing']);
  const list = query.data?.items ?? [];
  if (!list.length && !query.isError) return null;
  return (
    <Panel
      title="Firing alerts"
      note={query.data?.next ? `${list.length} newest` : list.length || undefined}
      tools={<Link to={'/respond/alerts' as string}>All alerts</Link>}
      flush
    >
      <Loaded query={query} what="The alerts" small rows={3}>
        {() => (
          <table className="plain">
            <tbody>
              {list.map((a) => (
                <tr key={a.id}>
                  <td style={{ width: 100 }}>
                    <SevMark severity={a.severity} />
                  </td>
                  <td>
                    <Link to={`/respond/alerts/${a.id}` as string}>{a.title}</Link>
                    {a.silenced && (
                      <>
                        {' '}
                        <Pill tone="maint">silenced</Pill>
                      </>
                    )}
                  </td>
                  <td style={{ width: 90 }} className="wide">
                    {a.incident && (
                      <Link className="mono" to={`/respond/incidents/${a.incident}` as string}>
                        {a.incident}
                      </Link>
                    )}
                  </td>
                  <td style={{ width: 70, textAlign: 'right' }}>
                    <Time at={a.started_at} mode="age" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Loaded>
    </Panel>
  );
}
