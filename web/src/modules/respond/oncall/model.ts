import type { Schemas } from '@/api/paths';

export type Duty = Schemas['OncallDuty'];
export type Shift = Schemas['OncallShift'];
export type Schedule = Schemas['OncallSchedule'];
export type Escalation = Schemas['OncallEscalation'];
export type Step = Schemas['OncallStep'];
export type Target = Schemas['OncallTarget'];

/** A stretch of a lane: a shift, or a gap where nobody is on call. */
export interface Bar {
  key: string;
  /** Percent of the width. */
  left: number;
  width: number;
  shift?: Shift;
  from: string;
  to: string;
}

/** Places shifts and gaps between two times (ms). What lies outside is cut off. */
export function bars(
  shifts: readonly Shift[],
  gaps: readonly { from: string; to: string }[],
  from: number,
  to: number,
): Bar[] {
  const place = (a: string, b: string) => {
    const x = Math.max(from, new Date(a).getTime());
    const y = Math.min(to, new Date(b).getTime());
    return { left: ((x - from) / (to - from)) * 100, width: ((y - x) / (to - from)) * 100, from: a, to: b };
  };
  return [
    ...shifts.map((s) => ({ key: `s${s.from}`, shift: s, ...place(s.from, s.to) })),
    ...gaps.map((g) => ({ key: `g${g.from}`, ...place(g.from, g.to) })),
  ]
    .filter((b) => b.width > 0)
    .sort((a, b) => a.left - b.left);
}

/** The color of a person: the same on every lane. `all` are the ids in order of appearance. */
export function colorOf(id: string, all: readonly string[]): string {
  const i = all.indexOf(id);
  return `var(--s${((i < 0 ? 0 : i) % 8) + 1})`;
}

/** The midnight before a time, in the zone of the page. */
export function midnight(at: number, utc: boolean): number {
  const d = new Date(at);
  if (utc) d.setUTCHours(0, 0, 0, 0);
  else d.setHours(0, 0, 0, 0);
  return d.getTime();
}

/** The midnights from one on: `days` of them. Days of a clock change are longer or shorter. */
export function dayStarts(start: number, days: number, utc: boolean): number[] {
  return Array.from({ length: days }, (_, i) => {
    const d = new Date(start);
    if (utc) d.setUTCDate(d.getUTCDate() + i);
    else d.setDate(d.getDate() + i);
    return d.getTime();
  });
}

/** "schedule primary", "ada@example.org" or "channel ops". */
export function targetText(t: Target): string {
  if (t.schedule) return `schedule ${t.schedule}`;
  if (t.channel) return `channel ${t.channel}`;
  return t.person ?? '';
}

/** One target as the value of a list: "schedule:primary". */
export const targetValue = (t: Target) =>
  t.schedule ? `schedule:${t.schedule}` : t.channel ? `channel:${t.channel}` : `person:${t.person ?? ''}`;

/** The target of such a value; a bare address is a person. */
export function targetOf(v: string): Target {
  const i = v.indexOf(':');
  const [kind, name] = i < 0 ? ['person', v] : [v.slice(0, i), v.slice(i + 1)];
  if (kind === 'schedule') return { schedule: name };
  if (kind === 'channel') return { channel: name };
  return { person: name };
}
