import { useMemo } from 'react';
import { integer } from '@/lib/format';
import { absolute, useZone } from '@/lib/time';
import { useSteps } from '@/ui/use-steps';
import { byLevel, nameOfLevel, toneOfLevel } from './model';
import type { Hits } from './queries';
import classes from './side.module.css';

const HEIGHT = 72;

/** Lines by time and level. Drag over a part to look at that part; arrow keys and Enter do the same. */
export function Histogram({ hits, onZoom }: { hits: Hits; onZoom: (from: Date, to: Date) => void }) {
  const zone = useZone();
  const start = new Date(hits.start).getTime();
  const { bars, top, steps } = useMemo(() => {
    const series = [...hits.series].sort((a, b) => byLevel(b.value, a.value)); // the worst on top
    const steps = hits.series[0]?.rows.length ?? 0;
    const sums = Array.from({ length: steps }, (_, i) => series.reduce((n, s) => n + (s.rows[i] ?? 0), 0));
    return {
      steps,
      top: Math.max(1, ...sums),
      bars: sums.map((sum, i) => ({
        sum,
        parts: series.map((s) => ({ level: s.value, n: s.rows[i] ?? 0 })).filter((p) => p.n > 0),
      })),
    };
  }, [hits]);
  const { box, hover, drag, on } = useSteps(
    steps,
    (a, b) => onZoom(new Date(start + a * hits.step_ms), new Date(start + (b + 1) * hits.step_ms)),
    { click: true },
  );
  if (steps === 0) return null;

  const shown = hover === undefined ? undefined : bars[hover];
  const pct = (i: number) => `${(i / steps) * 100}%`;
  return (
    <figure className={classes.histogram} aria-label={`${integer(hits.total)} lines by time and level`}>
      <div
        ref={box}
        className={classes.bars}
        role="group"
        aria-label="Histogram; drag, or arrow keys and Enter, to look closer"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys choose a bar, Enter looks closer
        tabIndex={0}
        {...on}
      >
        <svg viewBox={`0 0 ${steps} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {bars.map((b, i) => {
            let y = HEIGHT;
            return b.parts.map((p) => {
              // A single line is still a pixel high.
              const h = Math.max((p.n / top) * (HEIGHT - 4), 1);
              y -= h;
              return (
                <rect
                  // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place
                  key={`${i}-${p.level}`}
                  x={i + 0.08}
                  width={0.84}
                  y={y}
                  height={h}
                  fill={`var(${toneOfLevel(p.level)})`}
                  opacity={hover === undefined || hover === i ? 1 : 0.75}
                />
              );
            });
          })}
        </svg>
        {drag && (
          <span
            className={classes.dragged}
            style={{ left: pct(Math.min(drag.from, drag.to)), width: pct(Math.abs(drag.to - drag.from) + 1) }}
          />
        )}
        {hover !== undefined && shown && (
          <div
            className={classes.tip}
            data-side={hover > steps / 2 ? 'left' : 'right'}
            style={hover > steps / 2 ? { right: pct(steps - hover) } : { left: pct(hover + 1) }}
            role="status"
          >
            <b className="num">{absolute(start + hover * hits.step_ms, zone)}</b>
            {[...shown.parts].reverse().map((p) => (
              <span key={p.level}>
                <i style={{ background: `var(${toneOfLevel(p.level)})` }} />
                {nameOfLevel(p.level)}
                <em className="num">{integer(p.n)}</em>
              </span>
            ))}
            {shown.sum === 0 && <span>No lines</span>}
          </div>
        )}
      </div>
      <figcaption className={classes.axis}>
        {[0, 0.25, 0.5, 0.75].map((f) => (
          <span key={f} className="num">
            {absolute(start + f * steps * hits.step_ms, zone).slice(
              steps * hits.step_ms > 86_400_000 ? 5 : 11,
              steps * hits.step_ms > 600_000 ? 16 : 19,
            )}
          </span>
        ))}
        <span className="num">
          {absolute(start + steps * hits.step_ms, zone).slice(
            steps * hits.step_ms > 86_400_000 ? 5 : 11,
            steps * hits.step_ms > 600_000 ? 16 : 19,
          )}
        </span>
      </figcaption>
    </figure>
  );
}
