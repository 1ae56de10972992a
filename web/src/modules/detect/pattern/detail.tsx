import { Button } from '@mantine/core';
import { IconFileText } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { integer, number } from '@/lib/format';
import { useLiveQuery } from '@/lib/stream';
import { ChartData } from '@/ui/chart-data';
import { LiveChart } from '@/ui/LiveChart';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel, Stat, Stats } from '@/ui/Panel';
import { Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { linesTo, MARKS } from './model';
import { MarkMenu, StateMark, Template } from './parts';
import classes from './pattern.module.css';
import { type Detail, listSignals, patternQuery } from './queries';

export const Route = createLazyRoute('/detect/patterns/$id')({ component: Page });

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(patternQuery(id));
  useLiveQuery('patterns', ['pattern', id]);
  return (
    <>
      <PageHead
        title={query.data?.template ?? 'Log pattern'}
        parent={{ label: 'Log patterns', to: '/detect/patterns' }}
        before={query.data && <StateMark state={query.data.state} />}
      >
        <Spacer />
        {query.data && <MarkMenu pattern={query.data} />}
        {query.data && (
          <Button component={Link} to={linesTo(id) as string} leftSection={<IconFileText size={13} />}>
            Show the lines
          </Button>
        )}
      </PageHead>
      <PageBody label="Log pattern">
        <Loaded query={query} what="The pattern">
          {(p) => <Content p={p} />}
        </Loaded>
      </PageBody>
    </>
  );
}

function Content({ p }: { p: Detail }) {
  const from = Date.parse(p.from) / 1000;
  const data = useMemo(() => new ChartData(1), []);
  useEffect(() => {
    data.set(
      p.by_hour.map((_, i) => from + i * 3600),
      [p.by_hour],
    );
  }, [data, p.by_hour, from]);
  const signals = useQuery({
    queryKey: ['pattern-signals', 'of', p.id],
    queryFn: ({ signal }) => listSignals({ pattern: p.id }, undefined, 50, signal),
  });
  return (
    <>
      <Panel>
        <Template text={p.template} wrap />
        <p className={classes.example}>
          <span className="muted">First line</span> <span className="mono">{p.example}</span>
        </p>
        <p className={classes.words}>
          {p.words.map((w) => (
            <em key={w}>{w}</em>
          ))}
          {p.level && <Tag>{p.level}</Tag>}
          {p.mark && (
            <span className="muted">
              {MARKS[p.mark.mark]} by {p.mark.by} <Time at={p.mark.at} />
              {p.mark.comment && `: ${p.mark.comment}`}
            </span>
          )}
        </p>
      </Panel>
      <Stats>
        <Stat label="Lines in a day" value={integer(p.day)} />
        <Stat label="Lines in a week" value={integer(p.week)} />
        <Stat label="First seen" value={<Time at={p.first_seen} />} />
        <Stat label="Last line" value={<Time at={p.last_seen} />} />
      </Stats>
      <Panel title="Lines by hour" note="of a week">
        <LiveChart
          name={`Lines by hour of ${p.template}`}
          data={data}
          series={[{ label: 'Lines', area: true }]}
          height={170}
          range={{ from, to: from + p.by_hour.length * 3600 }}
          legend="hover"
        />
      </Panel>
      <Panel title="Where it comes from" flush>
        <table className="plain">
          <thead>
            <tr>
              <th>Item</th>
              <th style={{ width: 120 }}>State</th>
              <th style={{ width: 100, textAlign: 'right' }}>Day</th>
              <th style={{ width: 100, textAlign: 'right' }}>Week</th>
              <th style={{ width: 190 }}>Usual in 10 minutes</th>
              <th style={{ width: 110 }}>Last line</th>
            </tr>
          </thead>
          <tbody>
            {p.items.map((i) => (
              <tr key={i.item}>
                <td>
                  {i.item ? (
                    <Link to={`/estate/items/${encodeURIComponent(i.item)}?tab=logs` as string}>{i.item}</Link>
                  ) : (
                    <span className="muted">no item</span>
                  )}
                </td>
                <td>
                  <StateMark state={i.state} />
                </td>
                <td className="num" style={{ textAlign: 'right' }}>
                  <Link to={linesTo(p.id, '-24h', i.item) as string}>{integer(i.day)}</Link>
                </td>
                <td className="num" style={{ textAlign: 'right' }}>
                  {integer(i.week)}
                </td>
                <td className="num">
                  {i.expected === undefined ? (
                    <span className="muted">is learned</span>
                  ) : (
                    `${number(i.expected)}, too many above ${number(i.limit ?? 0)}`
                  )}
                </td>
                <td>
                  <Time at={i.last_seen} />
                </td>
              </tr>
            ))}
            {p.items.length === 0 && (
              <tr>
                <td colSpan={6} className="muted">
                  Its first minute is not over.
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </Panel>
      {!!signals.data?.items.length && (
        <Panel title="Signals" flush>
          <table className="plain">
            <thead>
              <tr>
                <th style={{ width: 130 }}>Signal</th>
                <th>Why</th>
                <th style={{ width: 140 }}>Item</th>
                <th style={{ width: 170 }}>Began</th>
                <th style={{ width: 170 }}>Ended</th>
              </tr>
            </thead>
            <tbody>
              {signals.data.items.map((s) => (
                <tr key={s.id}>
                  <td>
                    <StateMark state={s.kind} />
                  </td>
                  <td>{s.why}</td>
                  <td>{s.item}</td>
                  <td>
                    <Time at={s.started_at} mode="absolute" />
                  </td>
                  <td>{s.ended_at ? <Time at={s.ended_at} mode="absolute" /> : 'goes on'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Panel>
      )}
    </>
  );
}
