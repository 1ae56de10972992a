import type { Schemas } from '@/api/paths';

export type Alert = Schemas['AlertView'];
export type Silence = Schemas['AlertSilence'];
export type Matcher = Schemas['AlertMatcher'];

const WHY: Record<string, string> = {
  downtime: 'In maintenance',
  unreachable: 'What it depends on is down',
  flapping: 'Changes too often',
  confirming: 'Being confirmed',
};

/** Why nobody was told of an alert, in words; empty when people were told or there is nothing to keep back. */
export function reasons(a: Pick<Alert, 'suppressed' | 'silenced'>): string[] {
  const out = (a.suppressed ?? []).map((r) => WHY[r] ?? r);
  if (a.silenced) out.unshift('Silenced');
  return out;
}

/** Seconds that an alert has lasted. */
export function lasted(a: Pick<Alert, 'started_at' | 'ended_at'>, now: number): number {
  const end = a.ended_at ? new Date(a.ended_at).getTime() : now;
  return Math.max(0, (end - new Date(a.started_at).getTime()) / 1000);
}

/** One condition of a silence as text: item = shop, check ~ shop-.* */
export function matcherText(m: Matcher): string {
  return `${m.name} ${m.regex ? '~' : '='} ${m.value}`;
}

/** The silence that fits one alert. */
export function matchersFor(a: Pick<Alert, 'item' | 'check' | 'labels'>): Matcher[] {
  const out: Matcher[] = [];
  if (a.item) out.push({ name: 'item', value: a.item });
  if (a.check) out.push({ name: 'check', value: a.check });
  if (!out.length) for (const [name, value] of Object.entries(a.labels ?? {})) out.push({ name, value });
  return out;
}

/** How long a silence can be chosen to last, in hours. */
export const SPANS = [
  { value: '1', label: '1 hour' },
  { value: '2', label: '2 hours' },
  { value: '4', label: '4 hours' },
  { value: '8', label: '8 hours' },
  { value: '24', label: '1 day' },
  { value: '168', label: '1 week' },
  { value: 'own', label: 'Until …' },
] as const;
