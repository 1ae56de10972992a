import { useMemo, useState } from 'react';
import { byUnit } from '@/lib/format';
import { Time } from '@/ui/Time';
import classes from './metric.module.css';
import { keyOf, type Line } from './model';

const PAGE = 100;

/** The values of one moment, largest first: one column for each label. */
export function Values({ lines, unit, at }: { lines: Line[]; unit?: string; at: number }) {
  const [most, setMost] = useState(PAGE);
  const [up, setUp] = useState(false);
  const columns = useMemo(() => {
    const keys = new Set(lines.flatMap((l) => Object.keys(l.labels)));
    keys.delete('__name__');
    return [...keys].sort();
  }, [lines]);
  const rows = useMemo(() => [...lines].sort((a, b) => (up ? 1 : -1) * ((a.y[0] ?? 0) - (b.y[0] ?? 0))), [lines, up]);
  const letters = new Set(lines.map((l) => l.letter)).size > 1;
  const single = lines.length === 1 && columns.length === 0;
  return (
    <div className={classes.result}>
      <p className={classes.note}>
        Values at <Time at={new Date(at * 1000).toISOString()} mode="absolute" />
      </p>
      {single ? (
        <p className={`${classes.single} num`}>{byUnit(rows[0]?.y[0] ?? Number.NaN, unit)}</p>
      ) : (
        <div className={classes.wide}>
          <table className={classes.legend} data-values>
            <thead>
              <tr>
                {letters && <th>Query</th>}
                <th>Metric</th>
                {columns.map((c) => (
                  <th key={c}>{c}</th>
                ))}
                <th className={classes.right} aria-sort={up ? 'ascending' : 'descending'}>
                  <button type="button" onClick={() => setUp(!up)}>
                    Value {up ? '↑' : '↓'}
                  </button>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, most).map((l) => (
                <tr key={keyOf(l)}>
                  {letters && <td>{l.letter}</td>}
                  <td className="mono">{l.labels.__name__ ?? ''}</td>
                  {columns.map((c) => (
                    <td key={c} className="mono">
                      {l.labels[c] ?? ''}
                    </td>
                  ))}
                  <td className="num" title={String(l.y[0] ?? 'not a number')}>
                    {l.y[0] === null || l.y[0] === undefined ? 'not a number' : byUnit(l.y[0], unit)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > most && (
        <button type="button" className={classes.more} onClick={() => setMost(most + PAGE)}>
          Show {Math.min(PAGE, rows.length - most)} more of {rows.length}
        </button>
      )}
    </div>
  );
}
