import { describe, expect, it, vi } from 'vitest';
import { bitRate, bytes, byUnit, duration, milliseconds, number, percent, traffic } from './format';
import { can } from './permissions';
import { resolveRange } from './range';
import { LiveStream, type Note, throttle } from './stream';
import { absolute, age, fromInput, relative, toInput } from './time';
import { compact } from './url';

describe('format', () => {
  it('counts traffic in decimal units', () => {
    expect(bitRate(0)).toBe('0 bit/s');
    expect(bitRate(999.4)).toBe('999 bit/s');
    expect(bitRate(1_234_567)).toBe('1.23 Mbit/s');
    expect(traffic(1_500)).toBe('1.5 kB');
  });
  it.each([
    [0, '0s'],
    [59.6, '1m'],
    [200, '3m 20s'],
    [3600, '1h'],
    [187_205, '2d 4h'],
  ])('duration of %d s', (s, text) => expect(duration(s)).toBe(text));
  it('never rounds availability up to 100 %', () => {
    expect(percent(0.9999999)).toBe('99.999 %');
    expect(percent(1)).toBe('100 %');
    expect(percent(0.9995)).toBe('99.95 %');
  });
  it('knows units', () => {
    expect(bytes(1536)).toBe('1.5 KiB');
    expect(milliseconds(0.4211)).toBe('0.42 ms');
    expect(milliseconds(1240)).toBe('1.24 s');
    expect(byUnit(0.25, 'seconds')).toBe('250 ms');
    expect(byUnit(12.345, 'percent')).toBe('12.3 %');
    expect(number(Number.NaN)).toBe('–');
  });
});

describe('time', () => {
  const now = Date.UTC(2026, 10, 23, 10, 0, 0);
  it('is relative', () => {
    expect(relative(now - 1000, now)).toBe('now');
    expect(relative(now - 3 * 3600_000 - 5 * 60_000, now)).toBe('3h 5m ago');
    expect(relative(now + 240_000, now)).toBe('in 4m');
    expect(age(now - 61_000, now)).toBe('1m');
    expect(relative('nonsense', now)).toBe('–');
  });
  it('goes through an input and back in UTC', () => {
    expect(absolute(now, 'utc')).toBe('2026-11-23 10:00:00 UTC');
    expect(fromInput(toInput(now, 'utc'), 'utc')).toBe('2026-11-23T10:00:00.000Z');
    expect(fromInput(toInput(now, 'local'), 'local')).toBe('2026-11-23T10:00:00.000Z');
    expect(fromInput('', 'utc')).toBe('');
  });
  it('resolves ranges', () => {
    expect(resolveRange({ from: '-6h' }, now).from.toISOString()).toBe('2026-11-23T04:00:00.000Z');
    const last = resolveRange({ from: 'last-month' }, now);
    expect([last.from.toISOString(), last.to.toISOString(), last.live]).toEqual([
      '2026-10-01T00:00:00.000Z',
      '2026-11-01T00:00:00.000Z',
      false,
    ]);
    // An end before the start is no range: the fallback holds.
    expect(resolveRange({ from: '2026-11-02', to: '2026-11-01' }, now, '-7d').from.toISOString()).toBe(
      '2026-11-16T10:00:00.000Z',
    );
  });
});

describe('permissions', () => {
  const session = { version: '1.0.0', role: 'viewer', permissions: ['incident.read'] };
  it('asks the session', () => {
    expect(can(session, 'incident.read')).toBe(true);
    expect(can(session, 'incident.write')).toBe(false);
    expect(can(undefined, 'incident.read')).toBe(false);
    expect(can(undefined, undefined)).toBe(true);
  });
});

describe('url', () => {
  it('drops what is empty', () => {
    expect(compact({ q: '', a: [], b: undefined, n: 0, f: false, s: ['x'] })).toEqual({ n: 0, f: false, s: ['x'] });
  });
});

describe('stream', () => {
  const note = (n: Note) => ({ data: JSON.stringify(n) });
  it('hands notes to those who listen to the topic, and only to them', () => {
    const s = new LiveStream();
    const checks = vi.fn();
    const items = vi.fn();
    const off = s.subscribe('checks', checks);
    s.subscribe('items', items);
    s.receive(note({ topic: 'checks', kind: 'changed', id: 'a', data: { state: 'ok' } }));
    s.receive({ data: 'not JSON' });
    off();
    s.receive(note({ topic: 'checks', kind: 'changed', id: 'b' }));
    expect(checks.mock.calls).toEqual([[{ topic: 'checks', kind: 'changed', id: 'a', data: { state: 'ok' } }]]);
    expect(items).not.toHaveBeenCalled();
  });
  it('asks to read again after a cut and after lost notes, not at the first connect', () => {
    const s = new LiveStream();
    const again = vi.fn();
    s.onResync(again);
    s.receive({ status: 'live' });
    expect(again).toHaveBeenCalledTimes(0);
    s.receive({ status: 'lost' });
    s.receive({ status: 'live' });
    expect(again).toHaveBeenCalledTimes(1);
    s.receive(note({ topic: 'live', kind: 'lost', id: '' }));
    expect(again).toHaveBeenCalledTimes(2);
  });
  it('throttles, and runs once more at the end', () => {
    vi.useFakeTimers();
    const fn = vi.fn();
    const t = throttle(fn, 1000);
    t();
    t();
    t();
    expect(fn).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1000);
    expect(fn).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(5000);
    expect(fn).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });
});
