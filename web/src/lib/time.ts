import { useSyncExternalStore } from 'react';
import { duration } from './format';

export type ZoneMode = 'local' | 'utc';
const KEY = 'mainstay-zone';

/** A small observable value. */
class Value<T> {
  private subs = new Set<() => void>();
  constructor(private v: T) {}
  get = () => this.v;
  set(v: T) {
    this.v = v;
    for (const s of this.subs) s();
  }
  subscribe = (fn: () => void) => {
    this.subs.add(fn);
    return () => void this.subs.delete(fn);
  };
}

function stored(): ZoneMode {
  try {
    return localStorage.getItem(KEY) === 'utc' ? 'utc' : 'local';
  } catch {
    return 'local';
  }
}
const zone = new Value<ZoneMode>(stored());

/** Whether times are shown in the browser's zone or in UTC. */
export function useZone(): ZoneMode {
  return useSyncExternalStore(zone.subscribe, zone.get);
}

/** Switches all times of the page, and remembers it. */
export function setZone(z: ZoneMode): void {
  try {
    localStorage.setItem(KEY, z);
  } catch {
    // Not remembered then.
  }
  zone.set(z);
}

const pad = (n: number, w = 2) => String(n).padStart(w, '0');

function parts(d: Date, z: ZoneMode) {
  return z === 'utc'
    ? [d.getUTCFullYear(), d.getUTCMonth() + 1, d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()]
    : [d.getFullYear(), d.getMonth() + 1, d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()];
}

/** "2026-11-23 10:41:05", with " UTC" behind it in that mode. */
export function absolute(at: string | number | Date, z: ZoneMode): string {
  const d = new Date(at);
  if (Number.isNaN(d.getTime())) return '–';
  const [y, mo, da, h, mi, s] = parts(d, z) as [number, number, number, number, number, number];
  return `${y}-${pad(mo)}-${pad(da)} ${pad(h)}:${pad(mi)}:${pad(s)}${z === 'utc' ? ' UTC' : ''}`;
}

/** "10:41", for axes and "as of". */
export function clockTime(at: string | number | Date, z: ZoneMode): string {
  return absolute(at, z).slice(11, 16);
}

/** "2026-11-23". */
export function dateOf(at: string | number | Date, z: ZoneMode): string {
  return absolute(at, z).slice(0, 10);
}

/** "now", "12s ago", "3h 5m ago", "in 4m". `now` in ms. */
export function relative(at: string | number | Date, now: number): string {
  const t = new Date(at).getTime();
  if (Number.isNaN(t)) return '–';
  const s = (now - t) / 1000;
  if (Math.abs(s) < 3) return 'now';
  return s >= 0 ? `${age(at, now)} ago` : `in ${duration(-s)}`;
}

/** How long ago, without "ago"; only whole minutes above one minute. For table columns. */
export function age(at: string | number | Date, now: number): string {
  const s = Math.max(0, (now - new Date(at).getTime()) / 1000);
  return duration(s < 60 ? s : Math.floor(s / 60) * 60);
}

// One timer for all times on the page; the value is the current time in ms.
const ticks = new Value(Date.now());
let timer: ReturnType<typeof setInterval> | undefined;
let users = 0;
function subscribeTick(fn: () => void): () => void {
  users++;
  timer ??= setInterval(() => ticks.set(Date.now()), 5000);
  const off = ticks.subscribe(fn);
  return () => {
    off();
    if (--users === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time in ms, renewed every 5 s for all who use it. */
export function useNow(): number {
  return useSyncExternalStore(subscribeTick, ticks.get);
}

/** Value of <input type="datetime-local"> ("2026-11-23T10:41") for a time, in the zone of the page. */
export function toInput(at: string | number | Date, z: ZoneMode): string {
  const a = absolute(at, z);
  return a === '–' ? '' : `${a.slice(0, 10)}T${a.slice(11, 16)}`;
}

/** The ISO time of such a value; empty when it is not a time. */
export function fromInput(v: string, z: ZoneMode): string {
  if (!v) return '';
  const d = new Date(z === 'utc' ? `${v}:00Z` : v);
  return Number.isNaN(d.getTime()) ? '' : d.toISOString();
}
