import type { Schemas } from '@/api/paths';

export type Notification = Schemas['NotifyNotification'];
export type Channel = Schemas['NotifyChannelBody'];
export type Kind = Channel['type'];

export const KINDS: readonly { value: Kind; label: string }[] = [
  { value: 'email', label: 'E-mail' },
  { value: 'webhook', label: 'Webhook' },
  { value: 'slack', label: 'Slack' },
  { value: 'teams', label: 'Microsoft Teams' },
];
export const kindLabel = (k: string) => KINDS.find((x) => x.value === k)?.label ?? k;

/** Where a channel goes: addresses, or the address of its hook. */
export function goesTo(c: Channel): string {
  if (c.email) return (c.email.to ?? []).join(', ');
  return c.webhook?.url || c.slack?.url || c.teams?.url || '';
}

/** Whether a notification can be tried again. */
export const canRetry = (n: Pick<Notification, 'state' | 'type'>) => n.state === 'failed' && n.type !== 'none';

export type Method = Schemas['NotifyMethod'];

/** One method as the form has it. */
export interface MethodRow {
  key: string;
  type: Kind;
  to: string;
  delay: string;
}

/** What the form shows of a method. */
export function rowOf(m: Method, show: (span: string | undefined) => string): MethodRow {
  const type: Kind = m.email ? 'email' : m.webhook ? 'webhook' : m.slack ? 'slack' : 'teams';
  const delay = show(m.delay);
  return {
    key: crypto.randomUUID(),
    type,
    to: m.email?.to[0] ?? m.webhook?.url ?? m.slack?.url ?? m.teams?.url ?? '',
    delay: delay === '0s' ? '' : delay,
  };
}

/** A method as the API takes it. The headers of the webhook that stood at this place go along: they are never shown. */
export function methodOf(r: MethodRow, old: Method | undefined, api: (span: string) => string): Method {
  const to = r.to.trim();
  const delay = r.delay.trim() ? { delay: api(r.delay) } : {};
  if (r.type === 'email') return { email: { to: [to] }, ...delay };
  if (r.type === 'webhook') return { webhook: { ...old?.webhook, url: to }, ...delay };
  return r.type === 'slack' ? { slack: { url: to }, ...delay } : { teams: { url: to }, ...delay };
}
