import { Button } from '@mantine/core';
import { IconSearchOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Problem } from '@/api/problems';
import { integer, traffic } from '@/lib/format';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Skeleton } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel, Stat, Stats } from '@/ui/Panel';
import classes from './flows.module.css';
import { amount, change, measure, rate } from './model';
import { type Asked, type Metric, seriesQuery, type Top, topQuery } from './queries';
import { colorOf, Stacked } from './stacked';

const IN_GRAPH = 8;

const SOURCES: Record<string, string> = {
  sums: 'From sums by the minute, hour or day.',
  records: 'From the records themselves.',
};

/** Graph and table of the most traffic by one dimension. */
export function Traffic({
  asked,
  by,
  metric,
  compare,
  title,
  onChoose,
  onZoom,
  onClear,
}: {
  asked: Asked;
  by: string;
  metric: Metric;
  compare: boolean;
  title: string;
  onChoose: (by: string, value: string) => void;
  onZoom: (from: Date, to: Date) => void;
  onClear: () => void;
}) {
  const top = useQuery(topQuery(asked, by, metric, 50, compare));
  const series = useQuery(seriesQuery(asked, by, metric, IN_GRAPH, compare));
  const error = top.error ?? series.error;
  if (error instanceof Problem && error.fields[0])
    return (
      <EmptyState icon={IconSearchOff} title="This cannot be asked" hint={`A filter ${error.fields[0].message}.`}>
        <Button variant="default" onClick={onClear}>
          Clear the filters
        </Button>
      </EmptyState>
    );
  if (error)
    return (
      <ErrorState
        what="The traffic"
        error={error}
        retry={() => {
          void top.refetch();
          void series.refetch();
        }}
      />
    );
  if (!top.data || !series.data) return <Skeleton rows={14} height={26} />;
  const t = top.data;
  if (t.rows.length === 0)
    return (
      <EmptyState
        icon={IconSearchOff}
        title="No traffic in this range"
        hint={
          asked.filter.length
            ? 'Nothing passes the filters. Take one away, or look at a longer time.'
            : 'Look at a longer time.'
        }
      >
        {asked.filter.length > 0 && (
          <Button variant="default" onClick={onClear}>
            Clear the filters
          </Button>
        )}
      </EmptyState>
    );
  return (
    <PageBody label="Traffic">
      <Stats>
        <Stat
          label="On average"
          value={rate(measure(t.total, metric), t.seconds, metric)}
          note={beforeNote(t, metric)}
        />
        <Stat label="Volume" value={traffic(t.total.bytes)} />
        <Stat label="Packets" value={integer(t.total.packets)} />
        <Stat label="Records" value={integer(t.total.flows)} />
      </Stats>
      <Panel title={`${title} over time`} note={t.note ?? SOURCES[t.source]}>
        <Stacked series={series.data} metric={metric} onZoom={onZoom} />
      </Panel>
      <Panel title={title} flush>
        <Table top={t} by={by} metric={metric} compare={compare} title={title} onChoose={onChoose} />
      </Panel>
    </PageBody>
  );
}

const beforeNote = (t: Top, metric: Metric) =>
  t.before && measure(t.before, metric) === 0
    ? 'nothing a week before'
    : t.before
      ? `${change(measure(t.total, metric), measure(t.before, metric))} to a week before`
      : undefined;

function Table({
  top: t,
  by,
  metric,
  compare,
  title,
  onChoose,
}: {
  top: Top;
  by: string;
  metric: Metric;
  compare: boolean;
  title: string;
  onChoose: (by: string, value: string) => void;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
    <section className={classes.tableBox} tabIndex={0} aria-label={`${title}, table`}>
      <table className={`plain ${classes.table}`}>
        <thead>
          <tr>
            <th>{title}</th>
            <th className={classes.barCol}>Share</th>
            <th data-right>Average</th>
            <th data-right>{metric === 'bytes' ? 'Volume' : 'Amount'}</th>
            {compare && <th data-right>Last week</th>}
            {compare && <th data-right>Change</th>}
            <th data-right className={classes.wide}>
              Packets
            </th>
            <th data-right className={classes.wide}>
              Records
            </th>
          </tr>
        </thead>
        <tbody>
          {t.rows.map((r, i) => {
            const key = r.key[0] ?? '';
            const label = r.labels[0];
            return (
              <tr key={key || 'none'}>
                <td className={classes.name}>
                  <i style={{ background: i < IN_GRAPH ? colorOf(i, IN_GRAPH) : 'transparent' }} />
                  {key ? (
                    <button type="button" title={`Only ${key}`} onClick={() => onChoose(by, key)}>
                      {label?.text ?? key}
                    </button>
                  ) : (
                    <span className="muted">not reported</span>
                  )}
                  {label && label.text !== key && key && !label.text.includes(key) && (
                    <span className="muted mono">{key}</span>
                  )}
                  {label?.item && (
                    <Link to={`/estate/items/${encodeURIComponent(label.item)}` as string} className={classes.itemLink}>
                      item
                    </Link>
                  )}
                </td>
                <td className={classes.barCol}>
                  <span className={classes.bar}>
                    <span style={{ width: `${Math.min(100, r.percent)}%` }} />
                  </span>
                  <span className="num">{r.percent.toFixed(1)} %</span>
                </td>
                <td data-right className="num">
                  {rate(measure(r, metric), t.seconds, metric)}
                </td>
                <td data-right className="num">
                  {amount(measure(r, metric), metric)}
                </td>
                {compare && (
                  <td data-right className="num">
                    {r.before ? rate(measure(r.before, metric), t.seconds, metric) : '–'}
                  </td>
                )}
                {compare && (
                  <td data-right className="num">
                    {r.before ? change(measure(r, metric), measure(r.before, metric)) : '–'}
                  </td>
                )}
                <td data-right className={`num ${classes.wide}`}>
                  {integer(r.packets)}
                </td>
                <td data-right className={`num ${classes.wide}`}>
                  {integer(r.flows)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
