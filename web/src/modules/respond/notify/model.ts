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
