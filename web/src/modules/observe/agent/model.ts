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
