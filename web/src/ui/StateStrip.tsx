import { absolute, useZone } from '@/lib/time';
import classes from './chart.module.css';
import { words } from './StatusMark';
import { toneOf } from './tone';

export interface StateSpan {
  /** Seconds since 1970. */
  from: number;
  to: number;
  state: string;
}

/** What state a thing was in over a time, as one bar. Times without a span stay grey. */
export function StateStrip({
  spans,
  from,
  to,
  label,
}: {
  spans: readonly StateSpan[];
  from: number;
  to: number;
  label: string;
}) {
  const zone = useZone();
  const width = Math.max(1, to - from);
  return (
    <svg className={classes.strip} viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label={label}>
      {spans.map((s) => {
        const a = Math.max(0, ((s.from - from) / width) * 1000);
        const b = Math.min(1000, ((s.to - from) / width) * 1000);
        if (b <= a) return null;
        const tone = toneOf(s.state);
        return (
          <rect
            key={s.from}
            x={a}
            width={Math.max(b - a, 1.5)}
            height={24}
            fill={`var(${tone === 'plain' ? '--tx-3' : `--st-${tone}`})`}
            opacity={tone === 'ok' ? 0.75 : 1}
          >
            <title>{`${words(s.state)}: ${absolute(s.from * 1000, zone)} to ${absolute(s.to * 1000, zone)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** A tiny line without axes, for a table cell. */
export function Sparkline({ values, width = 64 }: { values: readonly number[]; width?: number }) {
  const max = Math.max(...values, 0);
  const min = Math.min(...values, 0);
  const step = width / Math.max(1, values.length - 1);
  const d = values
    .map((v, i) => `${i ? 'L' : 'M'}${(i * step).toFixed(1)} ${(16 - ((v - min) / (max - min || 1)) * 14).toFixed(1)}`)
    .join('');
  return (
    <svg width={width} height="18" viewBox={`0 0 ${width} 18`} aria-hidden="true">
      <path d={d} fill="none" stroke="var(--tx-3)" strokeWidth="1.2" />
    </svg>
  );
}
