import { useElementSize } from '@mantine/hooks';
import { IconSearchOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Skeleton } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import classes from './flows.module.css';
import { amount, measure, rate } from './model';
import { type Asked, type Metric, type Top, topQuery } from './queries';
import { type Node, OTHER, sankey } from './sankey-layout';

const BY = ['src', 'app', 'dst'];
const NAMES = ['Source', 'Application', 'Destination'];
const BAR = 10;

/** Where the traffic comes from, what it is, and where it goes. */
export function Paths({
  asked,
  metric,
  onChoose,
}: {
  asked: Asked;
  metric: Metric;
  onChoose: (by: string, value: string) => void;
}) {
  const top = useQuery(topQuery(asked, BY.join(','), metric, 300, false));
  if (top.error) return <ErrorState what="The traffic" error={top.error} retry={() => void top.refetch()} />;
  if (!top.data) return <Skeleton rows={14} height={26} />;
  if (top.data.rows.length === 0)
    return (
      <EmptyState
        icon={IconSearchOff}
        title="No traffic in this range"
        hint={
          asked.filter.length
            ? 'Nothing passes the filters. Take one away, or look at a longer time.'
            : 'Look at a longer time.'
        }
      />
    );
  return (
    <PageBody label="Paths">
      <Panel title="Source, application, destination" note={top.data.note ?? 'The 300 largest; the rest is left out.'}>
        <Diagram top={top.data} metric={metric} onChoose={onChoose} />
      </Panel>
    </PageBody>
  );
}

function Diagram({
  top,
  metric,
  onChoose,
}: {
  top: Top;
  metric: Metric;
  onChoose: (by: string, value: string) => void;
}) {
  const { ref, width } = useElementSize();
  const [hover, setHover] = useState<{ column: number; key: string }>();
  const narrow = width < 620;
  const height = narrow ? 460 : 540;
  const labels = useMemo(() => {
    const out = BY.map(() => new Map<string, string>());
    for (const r of top.rows) for (const [i, k] of r.key.entries()) out[i]?.set(k, r.labels[i]?.text ?? k);
    return out;
  }, [top]);
  const drawn = useMemo(
    () =>
      sankey(
        top.rows.map((r) => ({ keys: r.key, value: measure(r, metric) })),
        3,
        height,
        narrow ? 8 : 14,
        narrow ? 10 : 8,
      ),
    [top, metric, height, narrow],
  );
  const text = (n: { column: number; key: string }) =>
    n.key === OTHER ? 'others' : n.key === '' ? 'not reported' : (labels[n.column]?.get(n.key) ?? n.key);
  const x = (c: number) => (c * (width - BAR)) / 2;
  const lit = (l: { column: number; from: string; to: string }) =>
    !hover ||
    (hover.column === l.column && hover.key === l.from) ||
    (hover.column === l.column + 1 && hover.key === l.to);
  const color = new Map(
    drawn.nodes
      .filter((n) => n.column === 1)
      .map((n, i) => [n.key, n.key === OTHER ? 'var(--tx-3)' : `var(--s${(i % 8) + 1})`]),
  );
  const say = (n: Node) => `${text(n)}: ${amount(n.value, metric)}, ${rate(n.value, top.seconds, metric)}`;
  const most = narrow ? 14 : 30;
  return (
    <div ref={ref}>
      <div className={classes.sankeyHead} aria-hidden="true">
        {NAMES.map((n) => (
          <span key={n}>{n}</span>
        ))}
      </div>
      {width > 0 && (
        <svg
          width={width}
          height={height + 8}
          className={classes.sankey}
          role="group"
          aria-label="Traffic from source over application to destination"
        >
          {drawn.links.map((l) => {
            const x0 = x(l.column) + BAR;
            const x1 = x(l.column + 1);
            const m = (x0 + x1) / 2;
            const y0 = l.y0 + l.height / 2;
            const y1 = l.y1 + l.height / 2;
            return (
              <path
                key={`${l.column}\n${l.from}\n${l.to}`}
                d={`M${x0},${y0} C${m},${y0} ${m},${y1} ${x1},${y1}`}
                stroke={color.get(l.column === 0 ? l.to : l.from)}
                strokeWidth={Math.max(l.height, 1)}
                opacity={lit(l) ? (hover ? 0.6 : 0.35) : 0.08}
                fill="none"
              >
                <title>{`${text({ column: l.column, key: l.from })} → ${text({ column: l.column + 1, key: l.to })}: ${amount(l.value, metric)}, ${rate(l.value, top.seconds, metric)}`}</title>
              </path>
            );
          })}
          {drawn.nodes.map((n) => {
            const can = n.key !== OTHER && n.key !== '';
            const name = text(n);
            const shown = name.length > most ? `${name.slice(0, most - 1)}…` : name;
            const act = () => can && onChoose(BY[n.column] as string, n.key);
            return (
              <g
                key={`${n.column}\n${n.key}`}
                className={classes.node}
                data-can={can || undefined}
                role="button"
                aria-disabled={!can}
                aria-label={say(n)}
                tabIndex={0}
                onClick={act}
                onKeyDown={(e) => e.key === 'Enter' && act()}
                onPointerEnter={() => setHover(n)}
                onPointerLeave={() => setHover(undefined)}
                onFocus={() => setHover(n)}
                onBlur={() => setHover(undefined)}
              >
                <rect
                  x={x(n.column)}
                  y={n.y}
                  width={BAR}
                  height={Math.max(n.height, 1)}
                  fill={n.column === 1 ? color.get(n.key) : 'var(--tx-2)'}
                />
                <text
                  x={n.column === 2 ? x(2) - 6 : x(n.column) + BAR + 6}
                  y={n.y + n.height / 2}
                  textAnchor={n.column === 2 ? 'end' : 'start'}
                  dominantBaseline="central"
                >
                  {shown}
                </text>
                <title>{say(n)}</title>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
