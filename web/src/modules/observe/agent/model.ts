/** Reads "site=north, role=web" as labels; names what cannot be read. */
export function parseLabels(text: string): { labels: Record<string, string>; bad?: string } {
  const labels: Record<string, string> = {};
  for (const part of text.split(',')) {
    const t = part.trim();
    if (!t) continue;
    const at = t.indexOf('=');
    if (at < 1 || !/^[a-z][a-z0-9_]*$/.test(t.slice(0, at).trim())) return { labels, bad: t };
    labels[t.slice(0, at).trim()] = t.slice(at + 1).trim();
  }
  return { labels };
}

/** Labels as parseLabels reads them. */
export const labelText = (labels: Record<string, string> | undefined): string =>
  Object.entries(labels ?? {})
    .map(([k, v]) => `${k}=${v}`)
    .join(', ');

interface LogFile {
  path: string;
  begins?: string;
  app?: string;
}

/**
 * The files of a rule, one path in each line. What was changed of the first counts for all; a path that was there
 * before keeps what it had of its own.
 */
export function filesOf(text: string, begins: string, app: string, old: LogFile[]): LogFile[] | undefined {
  const first = old[0];
  const same = (first?.begins ?? '') === begins && (first?.app ?? '') === app;
  const files = text
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean)
    .map((path) => {
      const was = same ? old.find((f) => f.path === path) : undefined;
      return was ?? { path, begins: begins || undefined, app: app || undefined };
    });
  return files.length ? files : undefined;
}

/** What a rule reads, in short. */
export function readsText(r: { journal?: boolean; units?: string[] | null; files?: LogFile[] | null }): string {
  const parts = [];
  if (r.journal) parts.push(r.units?.length ? `journal: ${r.units.join(', ')}` : 'journal');
  for (const f of r.files ?? []) parts.push(f.path);
  return parts.join(', ');
}
