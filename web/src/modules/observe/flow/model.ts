import { bitRate, decimal, integer, traffic } from '@/lib/format';
import type { Metric, Sums } from './queries';

/** An amount over a time as a rate: bits, packets or flows per second. */
export function rate(amount: number, seconds: number, metric: Metric): string {
  const per = seconds > 0 ? amount / seconds : 0;
  if (metric === 'bytes') return bitRate(per * 8);
  return `${decimal(per)}${metric}/s`;
}

/** An amount in its own unit. */
export function amount(n: number, metric: Metric): string {
  return metric === 'bytes' ? traffic(n) : `${integer(n)} ${metric}`;
}

export const measure = (s: Sums, metric: Metric): number => s[metric];

/** A change in words: "+12 %", "new", "gone". */
export function change(now: number, before: number): string {
  if (before === 0) return now === 0 ? '–' : 'new';
  const p = ((now - before) / before) * 100;
  if (p > 999) return `${Math.round(now / before)}×`;
  return `${p >= 0 ? '+' : '−'}${Math.abs(p) < 10 ? Math.abs(p).toFixed(1) : Math.round(Math.abs(p))} %`;
}

/** What is asked next when a value of a dimension was chosen. */
const NEXT: Record<string, string> = {
  src: 'dst',
  dst: 'src',
  address: 'app',
  pair: 'app',
  src_net: 'src',
  dst_net: 'dst',
  app: 'src',
  service: 'src',
  src_port: 'src',
  dst_port: 'dst',
  protocol: 'app',
  exporter: 'interface',
  edge: 'src',
  in: 'src',
  out: 'src',
  interface: 'src',
  src_as: 'src',
  dst_as: 'dst',
  dscp: 'app',
  tcp_flags: 'src',
};

/** The filters and the dimension after a value was chosen. A value that is filtered for already changes nothing. */
export function drill(filters: readonly string[], by: string, value: string): { filter: string[]; by: string } {
  const text = `${by}:${value}`;
  const filter = filters.includes(text) ? [...filters] : [...filters, text];
  let next = NEXT[by] ?? 'src';
  const used = new Set(filter.filter((f) => !f.startsWith('!')).map((f) => f.slice(0, f.indexOf(':'))));
  if (used.has(next)) next = ['app', 'dst', 'src', 'service', 'protocol'].find((d) => !used.has(d)) ?? next;
  return { filter, by: next };
}

/** Turns a filter to its opposite. */
export const negate = (f: string): string => (f.startsWith('!') ? f.slice(1) : `!${f}`);

/** The address of a view of traffic. */
export function flowsURL(search: { by?: string; filter?: string[]; from?: string; to?: string; tab?: string }): string {
  const p = new URLSearchParams();
  if (search.tab) p.set('tab', search.tab);
  if (search.by) p.set('by', search.by);
  if (search.filter?.length) p.set('filter', JSON.stringify(search.filter));
  if (search.from) p.set('from', search.from);
  if (search.to) p.set('to', search.to);
  return `/observe/flows?${p}`;
}

/** Stacks lines on top of each other: for each line its lower and upper edge by step. What no line has comes last. */
export function stack(lines: readonly number[][], totals: readonly number[]): { lower: number[]; upper: number[] }[] {
  let below = totals.map(() => 0);
  const out = lines.map((values) => {
    const upper = below.map((b, i) => b + (values[i] ?? 0));
    const part = { lower: below, upper };
    below = upper;
    return part;
  });
  out.push({ lower: below, upper: totals.map((t, i) => Math.max(t, below[i] ?? 0)) });
  return out;
}

/** A round number at or above n, for the top of an axis. */
export function ceiling(n: number): number {
  if (n <= 0) return 1;
  const p = 10 ** Math.floor(Math.log10(n));
  for (const m of [1, 2, 2.5, 4, 5, 8, 10]) if (n <= m * p) return m * p;
  return 10 * p;
}

/** What traffic can be, for people. */
export const KINDS = {
  new_talker: 'New talker',
  port_scan: 'Port scan',
  sweep: 'Sweep',
  fan_out: 'Fan-out',
  outflow: 'Much to the outside',
  flood: 'Flood',
} as const;

/** The traffic that a finding is about, a while before and after. */
export function findingURL(f: {
  kind: keyof typeof KINDS;
  subject: string;
  peer?: string;
  port?: number;
  began_at: string;
  ended_at?: string;
}): string {
  const filter = f.kind === 'flood' ? [`dst:${f.subject}`] : [`src:${f.subject}`];
  if (f.peer && f.kind !== 'outflow') filter.push(`dst:${f.peer}`);
  const by = {
    new_talker: 'service',
    port_scan: 'dst_port',
    sweep: 'dst',
    fan_out: 'dst',
    outflow: 'dst',
    flood: 'src',
  }[f.kind];
  if (f.kind === 'sweep' && f.port) filter.push(`dst_port:${f.port}`);
  const pad = 600_000;
  const from = new Date(Date.parse(f.began_at) - pad).toISOString();
  const end = f.ended_at ? Date.parse(f.ended_at) : Date.parse(f.began_at) + pad;
  return flowsURL({ by, filter, from, to: new Date(end).toISOString() });
}
