import type { Schemas } from '@/api/paths';
import { duration, integer, percent } from '@/lib/format';

export type Report = Schemas['KpiReport'];
export type Line = Schemas['KpiLine'];
export type Buckets = Schemas['KpiBuckets'];
export type Point = Schemas['KpiPoint'];
export type Definition = Schemas['FiguresDefinition'];

/** A figure with its definition, as the page shows them. */
export interface Figure {
  key: string;
  title: string;
  value: string;
  /** Median, 90th percentile and how many were counted. */
  detail?: string;
  definition: Definition;
}

const secs = (s: number | null | undefined) => (s === null || s === undefined ? 'No data' : duration(s));

/** The value of a figure of a report as text. */
export function figureValue(r: Report, key: string): string {
  switch (key) {
    case 'availability':
      return r.availability === null ? 'No data' : percent(r.availability);
    case 'downtime':
      return duration(r.downtime_seconds);
    case 'incidents':
      return integer(r.incidents);
    case 'failures':
      return integer(r.failures);
    case 'mtbf':
      return secs(r.mtbf_seconds);
    default:
      return secs(r.means[key]?.mean_seconds);
  }
}

/** All figures of a report, each with what it means. */
export function figures(r: Report): Figure[] {
  return (r.definitions ?? []).map((d) => {
    const m = r.means[d.key];
    return {
      key: d.key,
      title: d.title,
      value: figureValue(r, d.key),
      detail:
        m && m.population > 0
          ? `Median ${secs(m.median_seconds)}, 90th percentile ${secs(m.p90_seconds)}, ${integer(m.population)} counted`
          : undefined,
      definition: d,
    };
  });
}

export const BUCKETS: readonly { key: keyof Buckets; label: string; color: string }[] = [
  { key: 'up_seconds', label: 'Up', color: 'var(--st-ok)' },
  { key: 'down_seconds', label: 'Down', color: 'var(--st-down)' },
  { key: 'planned_seconds', label: 'Planned maintenance', color: 'var(--st-maint)' },
  { key: 'unreachable_seconds', label: 'Unreachable', color: 'var(--st-warn)' },
  { key: 'unknown_seconds', label: 'Unknown', color: 'var(--st-unknown)' },
  { key: 'no_data_seconds', label: 'No data', color: 'var(--line-strong)' },
];

/** The buckets that hold time, with their share of the period. */
export function shares(b: Buckets): { key: string; label: string; color: string; seconds: number; share: number }[] {
  const sum = BUCKETS.reduce((n, x) => n + b[x.key], 0);
  return BUCKETS.map((x) => ({ ...x, seconds: b[x.key], share: sum > 0 ? b[x.key] / sum : 0 })).filter(
    (x) => x.seconds >= 0.5,
  );
}

/** The step of a trend that gives a readable number of bars. */
export function stepFor(from: Date, to: Date): 'day' | 'week' | 'month' {
  const days = (to.getTime() - from.getTime()) / 86_400_000;
  if (days <= 62) return 'day';
  return days <= 370 ? 'week' : 'month';
}
