/** How good or bad a state is; each tone has a color and a glyph. */
export type Tone = 'ok' | 'warn' | 'down' | 'unknown' | 'maint' | 'plain';

const TONES: Record<string, Tone> = {
  ok: 'ok',
  up: 'ok',
  online: 'ok',
  connected: 'ok',
  answered: 'ok',
  sent: 'ok',
  resolved: 'ok',
  ended: 'ok',
  active: 'ok',
  restored: 'ok',
  delivered: 'ok',
  usable: 'ok',
  inactive: 'ok',
  warning: 'warn',
  acknowledged: 'warn',
  retrying: 'warn',
  degraded: 'warn',
  late: 'warn',
  silent: 'warn',
  timed_out: 'warn',
  catching_up: 'warn',
  critical: 'down',
  down: 'down',
  offline: 'down',
  firing: 'down',
  failed: 'down',
  error: 'warn',
  new: 'down',
  unknown: 'unknown',
  pending: 'unknown',
  unreachable: 'unknown',
  away: 'unknown',
  queued: 'unknown',
  waiting: 'unknown',
  maintenance: 'maint',
  silenced: 'maint',
  suppressed: 'maint',
  paused: 'maint',
  disabled: 'maint',
  revoked: 'maint',
};

/** The tone of a state's name; "plain" for those that are neither good nor bad. */
export function toneOf(state: string): Tone {
  return TONES[state] ?? 'plain';
}
