import type { Data, Line, Panel, Spec, Values, Variable } from './queries';

/** Choices of variables as the URL holds them: "host=web-1". */
export function readValues(list: readonly string[] | undefined): Values {
  const out: Values = {};
  for (const s of list ?? []) {
    const i = s.indexOf('=');
    if (i < 1) continue;
    const name = s.slice(0, i);
    out[name] = [...(out[name] ?? []), s.slice(i + 1)];
  }
  return out;
}

export const writeValues = (v: Values): string[] | undefined => {
  const list = Object.entries(v).flatMap(([k, vs]) => vs.map((x) => `${k}=${x}`));
  return list.length ? list : undefined;
};

export const ALL = '$__all';

/** What is chosen: by the URL, else by the dashboard, else everything, else the first there is. */
export function chosen(vars: readonly Variable[], url: Values, options: Values | undefined): Values {
  const out: Values = {};
  for (const v of vars) {
    const first = options?.[v.name]?.[0];
    out[v.name] = url[v.name] ?? v.default ?? (v.all ? [ALL] : first !== undefined ? [first] : []);
  }
  return out;
}

/** Moments of the values of a line, in seconds. */
export function times(d: Data): number[] {
  const from = new Date(d.from).getTime() / 1000;
  const n = d.lines?.[0]?.values?.length ?? 0;
  return Array.from({ length: n }, (_, i) => from + i * d.step_seconds);
}

/** One value of a line. */
export function reduce(l: Line, how: Panel['reduce']): number | undefined {
  const v = (l.values ?? []).filter((x): x is number => x !== null);
  if (!v.length) return undefined;
  switch (how) {
    case 'mean':
      return v.reduce((a, b) => a + b, 0) / v.length;
    case 'min':
      return Math.min(...v);
    case 'max':
      return Math.max(...v);
    case 'sum':
      return v.reduce((a, b) => a + b, 0);
    default:
      return v.at(-1);
  }
}

/** The tone of a value: that of the last threshold it has reached. */
export function toneFor(v: number | undefined, p: Panel): 'ok' | 'warn' | 'down' | undefined {
  if (v === undefined) return undefined;
  return [...(p.thresholds ?? [])].sort((a, b) => a.value - b.value).findLast((t) => v >= t.value)?.tone;
}

const STATES = ['ok', 'warning', 'critical', 'unknown'];

/** Stretches of one state in a line whose values are 0 ok, 1 warning, 2 critical, 3 unknown. */
export function spans(l: Line, x: readonly number[], step: number): { from: number; to: number; state: string }[] {
  const out: { from: number; to: number; state: string }[] = [];
  (l.values ?? []).forEach((v, i) => {
    const at = x[i] as number;
    const state = v === null ? undefined : (STATES[Math.max(0, Math.min(3, Math.round(v)))] as string);
    const last = out.at(-1);
    if (!state) return;
    if (last && last.state === state && last.to === at) last.to = at + step;
    else out.push({ from: at, to: at + step, state });
  });
  return out;
}

/** Rows of a heat map. Cumulative buckets with a label le become what lies between two of them. */
export function heat(lines: readonly Line[]): { name: string; values: (number | null)[] }[] {
  const le = (l: Line) => (l.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(l.labels.le));
  if (!lines.length || lines.some((l) => l.labels.le === undefined))
    return lines.map((l) => ({ name: l.name, values: l.values ?? [] }));
  const sorted = [...lines].sort((a, b) => le(a) - le(b));
  return sorted
    .map((l, i) => ({
      name: l.labels.le as string,
      values: (l.values ?? []).map((v, k) => {
        const below = i ? (sorted[i - 1]?.values?.[k] ?? 0) : 0;
        return v === null ? null : Math.max(0, v - below);
      }),
    }))
    .reverse();
}

/** A table: one row for each set of labels, one column for each query. */
export function table(p: Panel, lines: readonly Line[]): { labels: string[]; values: string[]; rows: Row[] } {
  const labels = [...new Set(lines.flatMap((l) => Object.keys(l.labels)))].filter((k) => k !== '__name__').sort();
  const rows = new Map<string, Row>();
  for (const l of lines) {
    const key = labels.map((k) => l.labels[k] ?? '').join('\u0000');
    const row = rows.get(key) ?? { key, labels: labels.map((k) => l.labels[k] ?? ''), values: [] };
    row.values[l.query] = l.values?.[0] ?? undefined;
    rows.set(key, row);
  }
  return {
    labels,
    values: (p.queries ?? []).map((q, i) => q.legend || ((p.queries?.length ?? 0) > 1 ? `Value ${i + 1}` : 'Value')),
    rows: [...rows.values()],
  };
}
export interface Row {
  key: string;
  labels: string[];
  values: (number | undefined)[];
}

/** What the server keeps of a dashboard. */
export const specOf = ({ name, title, description, range, refresh, variables, panels }: Spec): Spec => ({
  name,
  title,
  description,
  range,
  refresh,
  variables,
  panels,
});

/** A name for a title: small letters, digits and hyphens. */
export const slug = (title: string) =>
  title
    .toLowerCase()
    .normalize('NFD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80);

export const newId = (panels: readonly Panel[]) => {
  for (let i = panels.length + 1; ; i++) if (!panels.some((p) => p.id === `p${i}`)) return `p${i}`;
};

export const KINDS = [
  { value: 'series', label: 'Graph' },
  { value: 'stat', label: 'Number' },
  { value: 'top', label: 'Top list' },
  { value: 'table', label: 'Table' },
  { value: 'heatmap', label: 'Heat map' },
  { value: 'states', label: 'States over time' },
  { value: 'log', label: 'Log lines' },
  { value: 'items', label: 'Items with their state' },
  { value: 'text', label: 'Text' },
];
export const UNITS = [
  { value: '', label: 'Number' },
  { value: 'bytes', label: 'Bytes' },
  { value: 'B/s', label: 'Bytes per second' },
  { value: 'bit/s', label: 'Bits per second' },
  { value: 'seconds', label: 'Seconds' },
  { value: 'ms', label: 'Milliseconds' },
  { value: 'ratio', label: 'Share, 0 to 1' },
  { value: 'percent', label: 'Percent, 0 to 100' },
  { value: '/s', label: 'Per second' },
  { value: '°C', label: 'Degrees Celsius' },
  { value: 'W', label: 'Watt' },
];
