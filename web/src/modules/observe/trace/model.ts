import { milliseconds } from '@/lib/format';
import type { ServiceMap, Span } from './queries';

export const serviceTo = (name: string) => `/observe/services/${encodeURIComponent(name)}` as string;
export const traceTo = (id: string, span?: string) =>
  `/observe/traces/${id}${span ? `?span=${encodeURIComponent(span)}` : ''}` as string;
export const errorTo = (id: string) => `/observe/errors/${id}` as string;

/** Nanoseconds for people. */
export const took = (ns: number) =>
  ns < 1000 ? `${ns} ns` : ns < 1e6 ? `${Math.round(ns / 1000)} µs` : milliseconds(ns / 1e6);

export interface Row {
  span: Span;
  depth: number;
  /** Microseconds after the beginning of the trace. */
  at: number;
  /** How many spans stand below it. */
  below: number;
  parent?: Row;
}

/** Spans as a tree in the order of their beginning; those whose parent is not here stand on top. */
export function rowsOf(spans: readonly Span[], start: string): Row[] {
  const begin = nanos(start);
  const children = new Map<string, Span[]>();
  const ids = new Set(spans.map((s) => s.span_id));
  const tops: Span[] = [];
  for (const s of spans) {
    if (s.parent_id && ids.has(s.parent_id) && s.parent_id !== s.span_id) {
      const list = children.get(s.parent_id);
      if (list) list.push(s);
      else children.set(s.parent_id, [s]);
    } else tops.push(s);
  }
  const out: Row[] = [];
  const seen = new Set<string>();
  const walk = (s: Span, depth: number, parent?: Row): number => {
    if (seen.has(s.span_id)) return 0;
    seen.add(s.span_id);
    const row: Row = { span: s, depth, at: Number(nanos(s.start) - begin) / 1000, below: 0, parent };
    out.push(row);
    for (const c of children.get(s.span_id) ?? []) row.below += 1 + walk(c, depth + 1, row);
    return row.below;
  };
  for (const s of tops) walk(s, 0);
  // Spans that name each other as parents are reached from no top.
  for (const s of spans) if (!seen.has(s.span_id)) walk(s, 0);
  return out;
}

/** An ISO time to the nanosecond. */
export function nanos(iso: string): bigint {
  const m = /^(.*?)(?:\.(\d+))?Z$/.exec(iso);
  if (!m) return BigInt(Date.parse(iso)) * 1_000_000n;
  return BigInt(Date.parse(`${m[1]}Z`)) * 1_000_000n + BigInt((m[2] ?? '0').padEnd(9, '0').slice(0, 9));
}

/** A color of the palette for each service, in the order of their first span. */
export function colors(spans: readonly Span[]): Map<string, string> {
  const out = new Map<string, string>();
  for (const s of spans) if (!out.has(s.service)) out.set(s.service, `var(--s${(out.size % 8) + 1})`);
  return out;
}

export interface Placed {
  name: string;
  x: number;
  y: number;
}

/** Places the nodes of a map in columns, callers before what they call. */
export function layout(m: ServiceMap, dx = 320, dy = 92): Placed[] {
  const calls = new Map<string, string[]>();
  const called = new Set<string>();
  for (const c of m.calls) {
    if (c.client === c.server) continue;
    calls.set(c.client, [...(calls.get(c.client) ?? []), c.server]);
    called.add(c.server);
  }
  // Those that nobody calls come first. A call back to what is on the way there closes a
  // circle and counts for nothing.
  const order: string[] = [];
  const forward = new Map<string, string[]>();
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string) => {
    state.set(name, 'open');
    for (const to of calls.get(name) ?? []) {
      if (state.get(to) === 'open') continue;
      forward.set(name, [...(forward.get(name) ?? []), to]);
      if (!state.has(to)) visit(to);
    }
    state.set(name, 'done');
    order.unshift(name);
  };
  for (const n of [...m.nodes].sort((x, y) => Number(called.has(x.name)) - Number(called.has(y.name))))
    if (!state.has(n.name)) visit(n.name);
  const level = new Map<string, number>();
  for (const name of order) {
    const l = level.get(name) ?? 0;
    level.set(name, l);
    for (const to of forward.get(name) ?? []) level.set(to, Math.max(level.get(to) ?? 0, l + 1));
  }
  const columns = new Map<number, string[]>();
  for (const n of m.nodes) {
    const l = level.get(n.name) ?? 0;
    columns.set(l, [...(columns.get(l) ?? []), n.name]);
  }
  const keys = [...columns.keys()].sort((a, b) => a - b);
  const tall = Math.max(...[...columns.values()].map((c) => c.length), 1);
  const out: Placed[] = [];
  keys.forEach((k, col) => {
    const names = columns.get(k) ?? [];
    const top = ((tall - names.length) * dy) / 2;
    names.forEach((name, i) => {
      out.push({ name, x: col * dx, y: top + i * dy });
    });
  });
  return out;
}
