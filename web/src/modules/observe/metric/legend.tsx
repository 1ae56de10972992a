import { useMemo, useState } from 'react';
import { byUnit } from '@/lib/format';
import type { Drawn } from './graph';
import classes from './metric.module.css';
import { keyOf, nameOf, type Stats, statsOf } from './model';

type Sort = 'name' | keyof Stats;
const COLUMNS: [keyof Stats, string][] = [
  ['min', 'Min'],
  ['avg', 'Average'],
  ['max', 'Max'],
  ['last', 'Last'],
];

/** The lines with their figures. A click shows one alone. */
export function Legend({
  drawn,
  ghosts,
  unit,
  only,
  onOnly,
  drawnMost,
  more,
}: {
  drawn: Drawn[];
  ghosts: Drawn[];
  unit?: string;
  only?: string;
  onOnly: (key: string | undefined) => void;
  drawnMost: number;
  more?: boolean;
}) {
  const [sort, setSort] = useState<{ by: Sort; up: boolean }>();
  const rows = useMemo(() => {
    const past = new Map(ghosts.map((g) => [keyOf(g.line), statsOf(g.line.y)]));
    const all = drawn.map((d) => ({
      d,
      key: keyOf(d.line),
      stats: statsOf(d.line.y),
      before: past.get(keyOf(d.line)),
    }));
    if (!sort) return all;
    const sign = sort.up ? 1 : -1;
    return all.sort((a, b) =>
      sort.by === 'name'
        ? sign * a.d.name.localeCompare(b.d.name, undefined, { numeric: true })
        : sign * ((a.stats?.[sort.by] ?? 0) - (b.stats?.[sort.by] ?? 0)),
    );
  }, [drawn, ghosts, sort]);
  const head = (by: Sort, label: string) => (
    <th
      key={by}
      aria-sort={sort?.by === by ? (sort.up ? 'ascending' : 'descending') : undefined}
      className={by === 'name' ? undefined : classes.right}
    >
      <button type="button" onClick={() => setSort({ by, up: sort?.by === by ? !sort.up : by === 'name' })}>
        {label}
        {sort?.by === by && (sort.up ? ' ↑' : ' ↓')}
      </button>
    </th>
  );
  const compare = ghosts.length > 0;
  return (
    <>
      <table className={classes.legend}>
        <thead>
          <tr>
            {head('name', drawn.length === 1 ? '1 series' : `${drawn.length} series`)}
            {COLUMNS.map(([k, l]) => head(k, l))}
            {compare && <th className={classes.right}>Average earlier</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ d, key, stats, before }) => (
            <tr key={key} data-faded={(only && only !== key) || undefined}>
              <td>
                <button
                  type="button"
                  className={classes.series}
                  aria-pressed={only === key}
                  title={`${nameOf(d.line.labels)}\n${only === key ? 'Show all' : 'Show only this one'}`}
                  onClick={() => onOnly(only === key ? undefined : key)}
                >
                  <i style={{ background: `var(--s${d.color})` }} />
                  <span>{d.name}</span>
                </button>
              </td>
              {COLUMNS.map(([k]) => (
                <td key={k} className="num">
                  {stats ? byUnit(stats[k], unit) : '–'}
                </td>
              ))}
              {compare && <td className="num">{before ? byUnit(before.avg, unit) : '–'}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {(more || drawn.length > drawnMost) && (
        <p className={classes.note}>
          {drawn.length > drawnMost && `${drawnMost} of ${drawn.length} series are drawn. `}
          {more && 'There are more series than one query shows (200). '}
          Sum them up, for example with sum by (…), or take the largest with topk(10, …).
        </p>
      )}
    </>
  );
}
