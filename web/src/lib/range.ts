/** A time range as the URL holds it: from is "-24h", "month", "last-month" or an ISO time; to only with an ISO from. */
export interface Range {
  from?: string;
  to?: string;
}

export interface Resolved {
  from: Date;
  to: Date;
  /** Follows the clock: its end is now. */
  live: boolean;
}

export interface Preset {
  value: string;
  label: string;
}

/** The presets for looking at what happens now. */
export const RECENT: Preset[] = [
  { value: '-1h', label: '1h' },
  { value: '-6h', label: '6h' },
  { value: '-24h', label: '24h' },
  { value: '-7d', label: '7d' },
  { value: '-30d', label: '30d' },
];

/** The presets for reports. */
export const PERIODS: Preset[] = [
  { value: '-7d', label: '7 days' },
  { value: '-30d', label: '30 days' },
  { value: 'month', label: 'This month' },
  { value: 'last-month', label: 'Last month' },
  { value: '-90d', label: '90 days' },
];

const UNIT: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Turns a range into two times. What cannot be read becomes `fallback`, a relative value. Months are in UTC. */
export function resolveRange(r: Range, now: number, fallback = '-24h'): Resolved {
  const end = new Date(now);
  const m = /^-(\d{1,4})([mhd])$/.exec(r.from ?? '');
  if (m) return { from: new Date(now - Number(m[1]) * (UNIT[m[2] as string] as number)), to: end, live: true };
  if (r.from === 'month')
    return { from: new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth(), 1)), to: end, live: true };
  if (r.from === 'last-month')
    return {
      from: new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() - 1, 1)),
      to: new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth(), 1)),
      live: false,
    };
  const from = new Date(r.from ?? '');
  const to = new Date(r.to ?? '');
  if (!Number.isNaN(from.getTime()) && !Number.isNaN(to.getTime()) && to > from) return { from, to, live: false };
  return resolveRange({ from: /^-\d{1,4}[mhd]$/.test(fallback) ? fallback : '-24h' }, now);
}
