import type { components } from '@/api/schema';
import { duration, integer } from '@/lib/format';
import type { Tone } from '@/ui/tone';

type S = components['schemas'];
export type Job = S['DiscoveryJobView'];
export type Spec = S['DiscoveryJobSpec'];
export type Run = S['DiscoveryRun'];
export type Finding = S['DiscoveryFinding'];
export type LogLine = S['DiscoveryLogLine'];
export type Credential = S['DiscoveryCredentialView'];
export type Suggestion = S['DiscoverySuggestion'];
export type Estimate = S['DiscoveryEstimate'];
export type Outcome = Finding['outcome'];

export const OUTCOMES: { value: Outcome; label: string }[] = [
  { value: 'new', label: 'New' },
  { value: 'changed', label: 'Changed' },
  { value: 'vanished', label: 'Vanished' },
  { value: 'unchanged', label: 'Unchanged' },
];

const TONES: Record<Outcome, Tone> = { new: 'ok', changed: 'warn', vanished: 'down', unchanged: 'plain' };
export const outcomeTone = (o: Outcome): Tone => TONES[o];

const RUN_TONES: Record<string, Tone> = {
  idle: 'plain',
  waiting: 'unknown',
  running: 'ok',
  paused: 'maint',
  done: 'plain',
  failed: 'down',
  canceled: 'maint',
};
export const runTone = (s: string): Tone => RUN_TONES[s] ?? 'plain';

export const jobURL = (name: string): string => `/estate/discovery/${encodeURIComponent(name)}`;

/** The state of a job in one word: that of its open run, or how the last one ended. */
export function stateOf(j: Pick<Job, 'state' | 'run'>): string {
  if (j.state !== 'idle') return j.state;
  return j.run?.state ?? 'never run';
}

/** How far a run is, from 0 to 1. */
export function share(r: Pick<Run, 'done' | 'total'>): number {
  return r.total > 0 ? Math.min(1, r.done / r.total) : 0;
}

/** The same for people; 100 % only when all is done. */
export const percentOf = (r: Pick<Run, 'done' | 'total'>): string => `${Math.floor(100 * share(r))} %`;

/** When a job runs by itself, in words. */
export function scheduleText(s: Spec['schedule']): string {
  if (!s || (!s.every && !s.at)) return 'only by hand';
  const every = hours(s.every);
  const parts = [every ? `every ${every}` : 'every day'];
  if (s.at) parts.push(`at ${s.at} ${s.zone || 'UTC'}`);
  return parts.join(' ');
}

/** "24h0m0s" is a duration of Go; people read "1 day". */
export function hours(d: string | undefined): string {
  const s = seconds(d);
  if (!s) return '';
  for (const [unit, name] of [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const) {
    if (s % unit === 0) return s === unit ? name : `${integer(s / unit)} ${name}s`;
  }
  return duration(s);
}

/** The seconds of a duration of Go. */
export function seconds(d: string | undefined): number {
  let n = 0;
  for (const m of (d ?? '').matchAll(/([\d.]+)(ms|h|m|s)/g)) {
    n += Number(m[1]) * { ms: 0.001, s: 1, m: 60, h: 3600 }[m[2] as 'ms' | 's' | 'm' | 'h'];
  }
  return n;
}

/** What a job would do, before it does it. */
export function estimateText(e: Estimate, rate: number): string {
  const n = e.addresses === 1 ? '1 address' : `${integer(e.addresses)} addresses`;
  const least = duration(seconds(e.least));
  const most = duration(seconds(e.most));
  const time = least === most ? `about ${least}` : `${least} if nothing answers, at most about ${most}`;
  return `${n} at ${integer(rate)} packets a second: ${time}.`;
}

/** A fact's key in words. */
export function factLabel(k: string): string {
  const known: Record<string, string> = {
    dns: 'Name in DNS',
    mac: 'Hardware address',
    os: 'System',
    os_name: 'System name',
    sys_descr: 'Description',
    sys_object_id: 'sysObjectID',
    asked: 'Asked as',
  };
  const label = known[k] ?? k.replaceAll('_', ' ');
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** Targets as people type them: one on a line, or with commas. */
export function lines(s: string): string[] {
  return s
    .split('\n')
    .flatMap((l) => l.replace(/#.*/, '').split(/[\s,;]+/))
    .filter(Boolean);
}
