import { useMemo } from 'react';
import { absolute, useZone } from '@/lib/time';
import { useSteps } from '@/ui/use-steps';
import classes from './flows.module.css';
import { ceiling, rate, stack } from './model';
import type { FlowSeries, Metric } from './queries';

const HEIGHT = 200;

/** The color of a line by its place; the rest is gray. */
export const colorOf = (i: number, lines: number) => (i < lines ? `var(--s${(i % 8) + 1})` : 'var(--tx-3)');

/** Traffic over time, stacked. Drag over a part to look at that part; arrow keys and Enter do the same. */
export function Stacked({
  series: s,
  metric,
  onZoom,
}: {
  series: FlowSeries;
  metric: Metric;
  onZoom: (from: Date, to: Date) => void;
}) {
  const zone = useZone();
  const start = new Date(s.start).getTime();
  const width = s.step_seconds * 1000;
  const steps = s.totals.length;
  const end = new Date(s.to).getTime();
  // The first and last step may be cut by the range; a rate is by the time that is there.
  const seconds = useMemo(
    () =>
      s.totals.map((_, i) => {
        const a = Math.max(start + i * width, new Date(s.from).getTime());
        const b = Math.min(start + (i + 1) * width, end);
        return Math.max((b - a) / 1000, 1);
      }),
    [s, start, width, end],
  );
  const { parts, top, before } = useMemo(() => {
    const per = (v: number[]) => v.map((n, i) => n / (seconds[i] ?? 1));
    const totals = per(s.totals);
    const before = s.before_totals ? per(s.before_totals.slice(0, steps)) : undefined;
    const parts = stack(
      s.lines.map((l) => per(l.values)),
      totals,
    );
    const most = Math.max(...(parts.at(-1)?.upper ?? [0]), ...(before ?? [0]), 0);
    return { parts, top: ceiling(most * (metric === 'bytes' ? 8 : 1)) / (metric === 'bytes' ? 8 : 1), before };
  }, [s, seconds, steps, metric]);
  const { box, hover, drag, on } = useSteps(steps, (a, b) =>
    onZoom(new Date(start + a * width), new Date(start + (b + 1) * width)),
  );
  if (steps === 0) return null;
  const y = (v: number) => HEIGHT - (v / top) * HEIGHT;
  const area = (p: { lower: number[]; upper: number[] }) => {
    // One step is drawn as a block, so that a single minute is seen too.
    const up = p.upper.map((v, i) => `${i},${y(v).toFixed(2)} ${i + 1},${y(v).toFixed(2)}`);
    const down = p.lower.map((v, i) => `${i + 1},${y(v).toFixed(2)} ${i},${y(v).toFixed(2)}`).reverse();
    return `M${up.join(' ')} L${down.join(' ')}Z`;
  };
  const pct = (i: number) => `${(i / steps) * 100}%`;
  const long = steps * width > 86_400_000;
  const label = (i: number) => absolute(start + i * width, zone).slice(long ? 5 : 11, 16);
  return (
    <figure className={classes.graph} aria-label="Traffic over time">
      <div className={classes.scale} aria-hidden="true">
        {[1, 0.75, 0.5, 0.25].map((f) => (
          <span key={f} className="num">
            {rate(top * f, 1, metric)}
          </span>
        ))}
      </div>
      <div
        ref={box}
        className={classes.area}
        style={{ height: HEIGHT }}
        role="group"
        aria-label="Graph; drag, or arrow keys and Enter, to look closer"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys choose a step, Enter looks closer
        tabIndex={0}
        {...on}
      >
        <svg viewBox={`0 0 ${steps} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {[0.25, 0.5, 0.75].map((f) => (
            <line key={f} x1={0} x2={steps} y1={HEIGHT * f} y2={HEIGHT * f} className={classes.gridLine} />
          ))}
          {parts.map((p, i) => (
            <path
              // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place
              key={i}
              d={area(p)}
              fill={colorOf(i, s.lines.length)}
              opacity={i < s.lines.length ? 0.85 : 0.35}
            />
          ))}
          {before && (
            <polyline
              points={before.map((v, i) => `${i},${y(v).toFixed(2)} ${i + 1},${y(v).toFixed(2)}`).join(' ')}
              className={classes.beforeLine}
            />
          )}
        </svg>
        {drag && drag.from !== drag.to && (
          <span
            className={classes.dragged}
            style={{ left: pct(Math.min(drag.from, drag.to)), width: pct(Math.abs(drag.to - drag.from) + 1) }}
          />
        )}
        {hover !== undefined && (
          <>
            <span className={classes.cursor} style={{ left: pct(hover + 0.5) }} />
            <div
              className={classes.tip}
              style={hover > steps / 2 ? { right: pct(steps - hover + 0.5) } : { left: pct(hover + 1.5) }}
              role="status"
            >
              <b className="num">{absolute(start + hover * width, zone).slice(0, 16)}</b>
              <span>
                all<em className="num">{rate(s.totals[hover] ?? 0, seconds[hover] ?? 1, metric)}</em>
              </span>
              {s.lines.map((l, i) => (
                <span key={l.key.join()}>
                  <i style={{ background: colorOf(i, s.lines.length) }} />
                  {l.labels.map((x) => x.text).join(' ')}
                  <em className="num">{rate(l.values[hover] ?? 0, seconds[hover] ?? 1, metric)}</em>
                </span>
              ))}
              {before && (
                <span>
                  <i className={classes.beforeMark} />
                  all, a week before<em className="num">{rate(before[hover] ?? 0, 1, metric)}</em>
                </span>
              )}
            </div>
          </>
        )}
      </div>
      <figcaption className={classes.axis}>
        {[0, 0.25, 0.5, 0.75, 1].map((f) => (
          <span key={f} className="num">
            {label(f * steps)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
