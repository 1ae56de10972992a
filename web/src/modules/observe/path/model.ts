import type { HopRow, Timeline } from './queries';

/** A nice end of the scale at or above v: 1, 2 or 5 times a power of ten. */
export function niceTop(v: number): number {
  if (!(v > 0)) return 1;
  const p = 10 ** Math.floor(Math.log10(v));
  return ([1, 2, 5, 10].find((m) => m * p >= v) ?? 10) * p;
}

/** The largest answer of all timelines, at least 1 ms. */
export function topOf(ts: readonly Timeline[]): number {
  let top = 1;
  for (const t of ts) for (const v of t.max_ms) if (v > top) top = v;
  return top;
}

/** The end of the scale of the bars: the mean and most answers fit, a single outlier does not set it. */
export function barTop(rows: readonly HopRow[]): number {
  let top = 1;
  for (const r of rows) {
    const v = Math.min(r.max_ms ?? 0, (r.mean_ms ?? 0) * 4 + 5);
    if (v > top) top = v;
  }
  return niceTop(top);
}

/** "1.3 ms" with digits that fit the size; "–" without a value. */
export function ms(v: number | undefined): string {
  if (v === undefined || v < 0) return '–';
  return v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
}

/** Loss as "0 %", "0.4 %", "12 %". */
export function lossText(l: number | undefined): string {
  if (l === undefined || l < 0) return '–';
  const p = l * 100;
  if (p === 0 || p >= 10) return `${Math.round(p)} %`;
  return p < 0.1 ? '<0.1 %' : `${p.toFixed(1)} %`;
}

/** What MOS means, in a word. */
export function mosWord(m: number): string {
  if (m >= 4) return 'good';
  if (m >= 3.6) return 'fair';
  if (m >= 3.1) return 'poor';
  return m > 0 ? 'bad' : '–';
}

/** The part of a timeline below a share of its width. */
export function partAt(share: number, n: number): number {
  return Math.max(0, Math.min(n - 1, Math.floor(share * n)));
}

/** The two ends of a dragged window, in ms since 1970; undefined when it is too short to be meant. */
export function dragged(
  a: number,
  b: number,
  width: number,
  from: number,
  to: number,
): { from: number; to: number } | undefined {
  if (Math.abs(a - b) < 6 || width <= 0) return undefined;
  const at = (x: number) => from + (Math.max(0, Math.min(width, x)) / width) * (to - from);
  const [lo, hi] = [at(Math.min(a, b)), at(Math.max(a, b))];
  return hi - lo < 5000 ? undefined : { from: Math.round(lo), to: Math.round(hi) };
}

/** The link that shows others the same: what follows the clock is written out as times. */
export function shareURL(base: string, from: string, to: string): string {
  return `${base}?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
}
