import type { Job, Spec } from './queries';

/** What the server adds to a job; the rest is what people write. */
export function specOf(j: Job): Spec {
  const { has_secret: _a, problem: _b, samples: _c, targets_found: _d, targets_up: _e, updated_at: _f, ...spec } = j;
  return spec as Spec;
}

export const stateOf = (j: Job) =>
  j.paused
    ? 'paused'
    : j.targets_found === 0
      ? 'waiting'
      : j.targets_up === j.targets_found
        ? 'up'
        : j.targets_up
          ? 'degraded'
          : 'down';

/** Where the targets come from, in words. */
export function sourceOf(j: Spec): string {
  const parts: string[] = [];
  if (j.targets?.length) parts.push(j.targets.length === 1 ? (j.targets[0] ?? '') : `${j.targets.length} addresses`);
  if (j.files?.length) parts.push(j.files.join(', '));
  if (j.dns) parts.push(`DNS ${j.dns.names.join(', ')}`);
  if (j.http) parts.push(j.http.url);
  return parts.join('; ');
}

export const linesOf = (text: string) =>
  text
    .split(/[\s,]+/)
    .map((s) => s.trim())
    .filter(Boolean);

/** Reads labels written as env=prod, team=web. */
export function parseLabels(text: string): { labels: Record<string, string>; bad: boolean } {
  const labels: Record<string, string> = {};
  let bad = false;
  for (const part of text.split(/[,\n]/)) {
    if (!part.trim()) continue;
    const at = part.indexOf('=');
    const k = part.slice(0, at).trim();
    if (at < 1 || !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(k)) bad = true;
    else labels[k] = part.slice(at + 1).trim();
  }
  return { labels, bad };
}

export const jobURL = (name: string) => `/observe/scraping/${encodeURIComponent(name)}`;
