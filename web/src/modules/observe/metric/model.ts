import { functionsIn, namesIn, read } from './promql';

/** One line of a graph. */
export interface Line {
  /** The letter of its query. */
  letter: string;
  labels: Record<string, string>;
  x: number[];
  y: (number | null)[];
  /** The same series at an earlier time. */
  ghost?: boolean;
}

/** The letter of a query by its place: A, B, C. */
export const letterOf = (i: number) => String.fromCharCode(65 + i);

/** At most so many queries; one letter each. */
export const MAX_QUERIES = 26;

/** A label set as PromQL writes it. */
export function nameOf(labels: Record<string, string>): string {
  const { __name__: name = '', ...rest } = labels;
  const inner = Object.entries(rest)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([k, v]) => `${k}=${JSON.stringify(v)}`)
    .join(', ');
  if (!inner) return name || 'value';
  return `${name}{${inner}}`;
}

/** Tells lines apart. */
export const keyOf = (l: Line) => `${l.letter}${nameOf(l.labels)}`;

/**
 * Short names: only the labels in which the series of one query differ. A series that is alone keeps its metric or
 * the whole label set.
 */
export function shortNames(lines: Line[], queryOf?: (letter: string) => string | undefined): string[] {
  const by = new Map<string, Line[]>();
  for (const l of lines) by.set(l.letter, [...(by.get(l.letter) ?? []), l]);
  const differ = new Map<string, Set<string>>();
  for (const [letter, group] of by) {
    const keys = new Set(group.flatMap((l) => Object.keys(l.labels)));
    const out = new Set<string>();
    for (const k of keys) if (new Set(group.map((l) => l.labels[k])).size > 1) out.add(k);
    differ.set(letter, out);
  }
  return lines.map((l) => {
    const keys = differ.get(l.letter) ?? new Set();
    if (Object.keys(l.labels).length === 0) return queryOf?.(l.letter) || nameOf(l.labels);
    if (keys.size === 0) return nameOf(l.labels);
    const values = [...keys]
      .sort()
      .map((k) => l.labels[k])
      .filter(Boolean);
    return [...new Set(values)].join(' · ') || nameOf(l.labels);
  });
}

export interface Stats {
  min: number;
  avg: number;
  max: number;
  last: number;
}

/** Smallest, average, largest and last value of a line; undefined without values. */
export function statsOf(y: (number | null)[]): Stats | undefined {
  let n = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let last = 0;
  for (const v of y) {
    if (v === null) continue;
    n++;
    sum += v;
    min = Math.min(min, v);
    max = Math.max(max, v);
    last = v;
  }
  return n ? { min, avg: sum / n, max, last } : undefined;
}

/** Brings lines onto one time axis. Where a line has no point there is a gap. */
export function align(lines: Line[]): { x: number[]; y: (number | null)[][] } {
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

/** Sums from below: what is drawn when lines are stacked. A gap counts as nothing. */
export function stacked(y: (number | null)[][]): (number | null)[][] {
  const sum: number[] = [];
  return y.map((row) =>
    row.map((v, i) => {
      sum[i] = (sum[i] ?? 0) + (v ?? 0);
      return sum[i] as number;
    }),
  );
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** A round step in seconds that gives about 300 points. */
export function fittingStep(seconds: number): number {
  return STEPS.find((s) => seconds / s <= 300) ?? 86400 * Math.ceil(seconds / 86400 / 300);
}

/** The most points the server gives for one series. */
export const MAX_POINTS = 11_000;

const PER_SECOND = new Set(['rate', 'irate', 'deriv']);
const COUNTS = new Set([
  'count',
  'count_values',
  'count_over_time',
  'changes',
  'resets',
  'group',
  'absent',
  'absent_over_time',
  'present_over_time',
  'ln',
  'log2',
  'log10',
  'exp',
  'sqrt',
  'stdvar',
]);
const SUFFIX: [RegExp, string][] = [
  [/_bytes(_total)?$/, 'bytes'],
  [/_seconds(_total|_sum)?$/, 'seconds'],
  [/_milliseconds$/, 'ms'],
  [/_ratio$/, 'ratio'],
  [/_percent$/, 'percent'],
  [/_celsius$/, '°C'],
];

/** The unit by which an answer is shown: what the metric has, changed by what the query does with it. */
export function unitOf(query: string, meant: (metric: string) => string | undefined): string | undefined {
  const names = namesIn(query);
  const first = names[0];
  const functions = functionsIn(query);
  if (!first) return undefined;
  if (functions.some((f) => COUNTS.has(f))) return undefined;
  // The buckets only say how the quantile is found: its unit is that of what was measured.
  const quantile = functions.includes('histogram_quantile');
  const base = quantile ? first.replace(/_bucket$/, '') : first;
  const unit = meant(base) || SUFFIX.find(([r]) => r.test(base))?.[1];
  // What is divided or multiplied has another unit, unless both have the same and it is a share.
  const signs = read(query)
    .tokens.filter((t) => t.kind === 'sign')
    .map((t) => query.slice(t.start, t.end));
  if (signs.includes('/')) {
    const second = names[1] && (meant(names[1]) || SUFFIX.find(([r]) => r.test(names[1] as string))?.[1]);
    return unit && unit === second && !signs.includes('*') ? 'ratio' : undefined;
  }
  if (signs.includes('*') || ['>', '<', '=='].some((x) => query.includes(` ${x} bool`))) return undefined;
  if (quantile) return unit;
  if (functions.some((f) => PER_SECOND.has(f))) {
    if (unit === 'bytes') return 'B/s';
    return unit === 'seconds' || !unit ? undefined : `${unit}/s`;
  }
  return unit;
}

/** The lines as a table for spreadsheets: one row for each time. */
export function csv(lines: Line[]): string {
  const cell = (s: string) => (/[",\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);
  const { x, y } = align(lines);
  const head = ['time', ...lines.map((l) => `${l.letter} ${nameOf(l.labels)}${l.ghost ? ' (earlier)' : ''}`)];
  const rows = x.map((t, i) => [new Date(t * 1000).toISOString(), ...y.map((r) => (r[i] ?? '').toString())]);
  return [head, ...rows]
    .map((r) => r.map(cell).join(','))
    .join('\n')
    .concat('\n');
}

/** Groups names by what stands before the first "_"; groups of one are joined with "other". */
export function byPrefix<T extends { name: string }>(metrics: T[]): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const m of metrics) {
    const p = /^([a-zA-Z0-9]+)[_:]/.exec(m.name)?.[1] ?? m.name;
    groups.set(p, [...(groups.get(p) ?? []), m]);
  }
  const many = [...groups].filter(([, g]) => g.length > 1);
  const single = [...groups].filter(([, g]) => g.length === 1).flatMap(([, g]) => g);
  return single.length ? [...many, ['other', single]] : many;
}

/** The query with which people begin: the rate of counters, the value of gauges. */
export function startQuery(m: { name: string; type?: string }): string {
  if (m.type === 'histogram' && m.name.endsWith('_bucket'))
    return `histogram_quantile(0.95, sum by (le) (rate(${m.name}[5m])))`;
  if (m.type === 'counter' || /_(total|count|sum|bucket)$/.test(m.name)) return `rate(${m.name}[5m])`;
  return m.name;
}

/** Keeps the last queries, the newest first, each once. */
export function remember(history: string[], query: string, most = 50): string[] {
  const q = query.trim();
  return q ? [q, ...history.filter((h) => h !== q)].slice(0, most) : history;
}
