import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { type Line, range } from '@/lib/prom';
import { ChartData } from '@/ui/chart-data';
import { LiveChart } from '@/ui/LiveChart';
import { graphOf, labelText, limitOf } from './model';

const MOST = 8;

/** Brings lines onto one time axis; where a line has no point there is a gap. */
function align(lines: Line[]): { x: number[]; y: (number | null)[][] } {
  const x = [...new Set(lines.flatMap((l) => l.x))].sort((a, b) => a - b);
  const at = new Map(x.map((t, i) => [t, i]));
  const y = lines.map((l) => {
    const row = new Array<number | null>(x.length).fill(null);
    l.x.forEach((t, i) => {
      row[at.get(t) as number] = l.y[i] ?? null;
    });
    return row;
  });
  return { x, y };
}

/** What a question is about, with its limit and the times in which it fired. */
export function RuleGraph({
  name,
  expr,
  from,
  to,
  spans,
  onZoom,
}: {
  name: string;
  expr: string;
  from: number;
  to: number;
  spans?: { from: number; to: number; tone: 'down' | 'warn' }[];
  onZoom?: (from: number, to: number) => void;
}) {
  const shown = graphOf(expr);
  const limit = limitOf(expr);
  const step = Math.max(Math.ceil((to - from) / 400), 10);
  const query = useQuery<Line[]>({
    queryKey: ['rule-graph', shown, Math.floor(from / step), Math.floor(to / step)],
    placeholderData: (old) => old,
    retry: false,
    queryFn: ({ signal }) => range(shown, from, to, step, signal),
  });
  const all = query.data ?? [];
  const lines = all.slice(0, MOST);
  const data = useMemo(() => new ChartData(Math.max(lines.length, 1), 5000), [lines.length]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines follow from the answer
  useEffect(() => {
    const a = align(lines);
    data.set(a.x, a.y.length ? a.y : [[]]);
  }, [query.data, data]);
  if (query.isError) return <p className="muted">The graph cannot be drawn: the question has no answer to draw.</p>;
  if (query.data && !all.length)
    return <p className="muted">There is no data for this question in the time that is shown.</p>;
  return (
    <>
      <LiveChart
        name={name}
        data={data}
        series={lines.length ? lines.map((l) => ({ label: labelText(l.labels, ['__name__']) })) : [{ label: name }]}
        height={200}
        limits={limit === undefined ? undefined : [{ value: limit, tone: 'down' }]}
        spans={spans}
        range={{ from, to }}
        legend={lines.length > 1 ? undefined : 'hover'}
        onZoom={onZoom}
      />
      {all.length > MOST && (
        <p className="muted">
          {MOST} of {all.length} series are drawn.
        </p>
      )}
    </>
  );
}
