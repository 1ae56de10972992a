import type { StateSpan } from '@/ui/StateStrip';
import type { Change, CheckField } from './queries';

/** Reads "1h5m30s", "500ms"; seconds, or undefined when it is not a duration. */
export function seconds(text: string): number | undefined {
  const unit: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  let sum = 0;
  let rest = text.trim();
  if (!rest) return undefined;
  while (rest) {
    const m = /^(\d+(?:\.\d+)?)(ms|s|m|h)/.exec(rest);
    if (!m?.[1] || !m[2]) return undefined;
    sum += Number(m[1]) * (unit[m[2]] ?? 0);
    rest = rest.slice(m[0].length);
  }
  return sum;
}

/** Where a check runs, in words: "server", "west", "any: west", "all edges". */
export function whereText(from: string | undefined, runsAt: readonly string[] | undefined): string {
  if (!from) return 'server';
  if (from === 'agent') return 'its agent';
  if (from === 'all') return 'all edges';
  if (from === 'any') return runsAt?.[0] ? `any: ${runsAt[0]}` : 'any edge';
  return from;
}
/** Whether nobody runs checks of this type: their results come from outside. */
export const isPassive = (type: string): boolean => type === 'passive' || type === 'trap';

/** Shortens Go's "1m0s" to "1m". */
export function brief(text: string): string {
  return text.replace(/(?<=[hm])0s$/, '').replace(/(?<=h)0m$/, '') || text;
}

/**
 * Turns hard and soft changes (the newest first) into spans of states between two times in seconds. `more` says that
 * there are older changes; without them nothing is known of the time before the first.
 */
export function spans(changes: readonly Change[], now: string, from: number, to: number, more: boolean): StateSpan[] {
  const seen = changes.filter((c) => c.kind === 'state').map((c) => ({ ...c, at: Date.parse(c.at) / 1000 }));
  seen.sort((a, b) => a.at - b.at);
  const out: StateSpan[] = [];
  for (let i = 0; i < seen.length; i++) {
    const c = seen[i];
    const end = seen[i + 1]?.at ?? to;
    if (!c || end < from || c.at > to) continue;
    out.push({ from: Math.max(c.at, from), to: Math.min(end, to), state: c.to });
  }
  const first = seen[0];
  if (!first) return now === 'pending' ? [] : [{ from, to, state: now }];
  if (more && first.at > from && first.from) out.unshift({ from, to: first.at, state: first.from });
  return out;
}

/** "probe_http_duration_seconds" gives "HTTP duration": the unit stands at the axis. */
export function measureTitle(name: string): string {
  const words = name
    .replace(/^(probe|check)_/, '')
    .replace(/_(seconds|bytes|ratio|total)$/, '')
    .split('_');
  return capital(words.map(spell).join(' '));
}

/** "client_cert" gives "Client cert", "url" gives "URL". */
export function fieldTitle(name: string): string {
  return capital(name.split('_').map(spell).join(' '));
}

const SHORT = new Set(
  'cpu dn dns dsn http https icmp imap io ip ldap ntp pop3 rtt sha256 smtp ssh sql tcp tls ttl udp url'.split(' '),
);
const spell = (word: string) => (SHORT.has(word) ? word.toUpperCase() : word);
const capital = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

/** The few fields people fill in; the others stand under "More". */
export function important(f: CheckField): boolean {
  return (
    f.required ||
    ['url', 'address', 'host', 'name', 'path', 'command', 'dsn', 'server', 'status', 'contains', 'expect'].includes(
      f.name,
    )
  );
}

/** What a form field holds, as text. */
export function toText(kind: CheckField['kind'], v: unknown): string {
  if (v === undefined || v === null) return '';
  if (kind === 'list' && Array.isArray(v)) return v.map(String).join('\n');
  if (kind === 'map' && typeof v === 'object')
    return Object.entries(v as Record<string, unknown>)
      .map(([k, x]) => `${k}: ${String(x)}`)
      .join('\n');
  if (kind === 'json') return JSON.stringify(v);
  if (kind === 'duration') return v === '0s' ? '' : brief(String(v));
  return String(v);
}

/** What the API gets from the text of a form field; undefined leaves the field out. */
export function fromText(f: CheckField, text: string, numbers = false): unknown {
  const t = text.trim();
  if (!t) return undefined;
  switch (f.kind) {
    case 'whole':
    case 'number':
      return Number(t);
    case 'switch':
      return t === 'true';
    case 'list': {
      const parts = t.split('\n').map((p) => p.trim());
      return numbers ? parts.filter(Boolean).map(Number) : parts.filter(Boolean);
    }
    case 'map': {
      const out: Record<string, string> = {};
      for (const line of t.split('\n')) {
        const at = line.indexOf(':');
        if (at > 0) out[line.slice(0, at).trim()] = line.slice(at + 1).trim();
      }
      return out;
    }
    case 'json':
      try {
        return JSON.parse(t);
      } catch {
        return t;
      }
    default:
      return f.kind === 'text' ? text : t;
  }
}
