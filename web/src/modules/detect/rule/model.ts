import type { Trial } from './queries';

export const ruleTo = (name: string) => `/detect/rules/${encodeURIComponent(name)}` as string;
export const sloTo = (name: string) => `/detect/slos/${encodeURIComponent(name)}` as string;

export const stateWord = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

/** "1h0m0s" of the API is "1h" for people. */
export const brief = (d?: string) =>
  (d ?? '')
    .replace(/(\D)0s$/, '$1')
    .replace(/(\D)0m$/, '$1')
    .replace(/^0s$/, '');

/** Labels as people write them, without those that say nothing here. */
export function labelText(labels: Record<string, string>, hide: string[] = ['alertname']): string {
  const parts = Object.entries(labels)
    .filter(([k]) => !hide.includes(k))
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([k, v]) => `${k}="${v}"`);
  return parts.length ? `{${parts.join(', ')}}` : '{}';
}

/** A map as lines of "name: value", and back. */
export const toLines = (m?: Record<string, string>) =>
  Object.entries(m ?? {})
    .map(([k, v]) => `${k}: ${v.replaceAll('\n', '\\n')}`)
    .join('\n');

export function fromLines(text: string): Record<string, string> | undefined {
  const out: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf(':');
    if (at <= 0) continue;
    out[line.slice(0, at).trim()] = line
      .slice(at + 1)
      .trim()
      .replaceAll('\\n', '\n');
  }
  return Object.keys(out).length ? out : undefined;
}

/** The comparison of a question and its number, to draw the limit: "a > 5" gives 5. */
export function limitOf(expr: string): number | undefined {
  const m = /(?:[<>]=?|[!=]=)\s*(?:bool\s+)?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*$/i.exec(expr.trim());
  return m ? Number(m[1]) : undefined;
}

/** The left side of a last comparison with a number, so that the graph shows the value also while it is fine. */
export function graphOf(expr: string): string {
  return expr.trim().replace(/\s*(?:[<>]=?|[!=]=)\s*(?:bool\s+)?-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\s*$/i, '') || expr;
}

/** The times in which at least one instance would have fired, as spans for a graph. */
export function firingSpans(t: Trial, to: number): { from: number; to: number; tone: 'down' }[] {
  const out: { from: number; to: number; tone: 'down' }[] = [];
  const sorted = t.episodes
    .map((e) => ({ from: Date.parse(e.fired_at) / 1000, to: e.ended_at ? Date.parse(e.ended_at) / 1000 : to }))
    .sort((a, b) => a.from - b.from);
  for (const s of sorted) {
    const last = out.at(-1);
    if (last && s.from <= last.to) last.to = Math.max(last.to, s.to);
    else out.push({ ...s, tone: 'down' });
  }
  return out;
}
