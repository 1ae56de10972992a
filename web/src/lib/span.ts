const UNITS: readonly [string, number][] = [
  ['w', 604800],
  ['d', 86400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
];

/** Seconds of a duration such as "168h0m0s", "7d", "1h 30m" or "90s"; undefined when it is none. */
export function spanSeconds(text: string): number | undefined {
  const t = text.trim().toLowerCase().replaceAll(' ', '');
  if (!/^(\d+(\.\d+)?(w|d|h|ms|m|s))+$/.test(t)) return undefined;
  let sum = 0;
  for (const [, n, u] of t.matchAll(/(\d+(?:\.\d+)?)(w|d|h|ms|m|s)/g))
    sum += Number(n) * (u === 'ms' ? 0.001 : (UNITS.find(([x]) => x === u)?.[1] ?? 0));
  return sum;
}

/** The same as people write it: "168h0m0s" gives "7d". What cannot be read stays as it is. */
export function showSpan(text: string | undefined): string {
  if (!text) return '';
  const s = spanSeconds(text);
  if (s === undefined) return text;
  if (s === 0) return '0s';
  let left = Math.round(s);
  const out: string[] = [];
  for (const [u, n] of UNITS.slice(1)) {
    const k = Math.floor(left / n);
    if (k) out.push(`${k}${u}`);
    left -= k * n;
  }
  return out.join(' ') || text;
}

/** As the API takes it: "7d" gives "604800s". */
export function apiSpan(text: string): string {
  const s = spanSeconds(text);
  return s === undefined ? text : `${s}s`;
}
