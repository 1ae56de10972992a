import type { Schemas } from '@/api/paths';
import type { TimelineEntry } from '@/ui/TimelineList';

export type Incident = Schemas['IncidentView'];
export type Detail = Schemas['IncidentDetail'];
export type Entry = Schemas['RecordEntry'];
export type State = Incident['state'];

export const STATES: readonly { value: State; label: string }[] = [
  { value: 'new', label: 'New' },
  { value: 'acknowledged', label: 'Acknowledged' },
  { value: 'restored', label: 'Restored' },
  { value: 'resolved', label: 'Resolved' },
  { value: 'closed', label: 'Closed' },
];

/** The causes that the API takes, in the order of the dialog. */
export const CAUSES = [
  ['recovered', 'Recovered by itself'],
  ['configuration', 'Configuration'],
  ['capacity', 'Capacity'],
  ['software', 'Software fault'],
  ['hardware', 'Hardware fault'],
  ['network', 'Network'],
  ['provider', 'Provider or third party'],
  ['change', 'A change of ours'],
  ['human', 'Human error'],
  ['security', 'Security'],
  ['planned', 'Planned work'],
  ['duplicate', 'Duplicate of another incident'],
  ['unknown', 'Unknown'],
] as const;
export type Cause = (typeof CAUSES)[number][0];

/** The name of a cause for people. */
export function causeLabel(code: string): string {
  return CAUSES.find(([c]) => c === code)?.[1] ?? code;
}

export const LEVELS: Record<number, string> = { 1: '1 · High', 2: '2 · Medium', 3: '3 · Low' };

/** What a person can do with an incident. */
export type Verb = 'acknowledge' | 'work' | 'restore' | 'resolve' | 'close' | 'reopen';

export const VERB: Record<Verb, { label: string; done: string; doing: string }> = {
  acknowledge: { label: 'Acknowledge', done: 'acknowledged', doing: 'Acknowledging' },
  work: { label: 'Start work', done: 'in work', doing: 'Starting work on' },
  restore: { label: 'Mark restored', done: 'marked as restored', doing: 'Marking as restored' },
  resolve: { label: 'Resolve', done: 'resolved', doing: 'Resolving' },
  close: { label: 'Close', done: 'closed', doing: 'Closing' },
  reopen: { label: 'Reopen', done: 'reopened', doing: 'Reopening' },
};

/** What the state allows; the first is what comes next. */
export function verbs(i: Pick<Incident, 'state' | 'work_started_at'>): Verb[] {
  switch (i.state) {
    case 'new':
      return ['acknowledge', 'restore', 'resolve'];
    case 'acknowledged':
      return i.work_started_at ? ['restore', 'resolve'] : ['work', 'restore', 'resolve'];
    case 'restored':
      return ['resolve', 'reopen'];
    case 'resolved':
      return ['close', 'reopen'];
    default:
      return [];
  }
}

export const isOpen = (s: State) => s === 'new' || s === 'acknowledged' || s === 'restored';

export interface Moment {
  label: string;
  at: string | undefined;
  /** Seconds since `after` happened. */
  took?: number;
  /** What the time is counted from. */
  after?: string;
}

const between = (a: string | undefined, b: string | undefined) =>
  a && b ? Math.max(0, (new Date(b).getTime() - new Date(a).getTime()) / 1000) : undefined;

/** The moments of an incident in their order, with the times that reports count. */
export function moments(i: Incident): Moment[] {
  const began = i.impact_started_at;
  return [
    { label: 'Impact began', at: began },
    { label: 'Detected', at: i.detected_at, took: between(began, i.detected_at), after: 'impact' },
    {
      label: 'Acknowledged',
      at: i.acknowledged_at,
      took: between(i.detected_at, i.acknowledged_at),
      after: 'detection',
    },
    { label: 'Work began', at: i.work_started_at, took: between(i.detected_at, i.work_started_at), after: 'detection' },
    { label: 'Restored', at: i.restored_at, took: between(began, i.restored_at), after: 'impact' },
    { label: 'Resolved', at: i.resolved_at, took: between(began, i.resolved_at), after: 'impact' },
  ];
}

const ICON: Record<string, TimelineEntry['icon']> = {
  comment: 'comment',
  state: 'state',
  alert: 'alert',
  notification: 'notify',
  escalation: 'notify',
  link: 'link',
  attachment: 'link',
  change: 'person',
};

/** Icon and tone of an entry of the timeline. */
export function looks(e: Pick<Entry, 'kind' | 'body'>): Pick<TimelineEntry, 'icon' | 'tone'> {
  const icon = ICON[e.kind] ?? 'dot';
  if (e.kind === 'alert') return { icon, tone: /resolved|cleared|recovered|ended/i.test(e.body) ? 'ok' : 'down' };
  if (e.kind === 'notification' && /fail|could not/i.test(e.body)) return { icon, tone: 'down' };
  if (e.kind === 'state' && /resolved|restored|cleared|recovered/i.test(e.body)) return { icon: 'done', tone: 'ok' };
  return { icon };
}

/** Who did it; what the system did carries no name. */
export function actorOf(e: Pick<Entry, 'actor'>): string | undefined {
  return !e.actor || /^(system|mainstay)$/i.test(e.actor) ? undefined : e.actor;
}
