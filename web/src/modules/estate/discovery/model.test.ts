import { describe, expect, it } from 'vitest';
import { estimateText, factLabel, hours, lines, percentOf, scheduleText, seconds, share, stateOf } from './model';

describe('discovery', () => {
  it('reads durations', () => {
    expect(seconds('24h0m0s')).toBe(86_400);
    expect(seconds('1m30.5s')).toBe(90.5);
    expect(hours('24h0m0s')).toBe('day');
    expect(hours('6h0m0s')).toBe('6 hours');
    expect(hours('')).toBe('');
  });
  it('says when a job runs', () => {
    expect(scheduleText(undefined)).toBe('only by hand');
    expect(scheduleText({ every: '24h0m0s', at: '03:00', zone: 'Europe/Zurich' })).toBe(
      'every day at 03:00 Europe/Zurich',
    );
    expect(scheduleText({ at: '03:00' })).toBe('every day at 03:00 UTC');
    expect(scheduleText({ quiet: [{ from: '08:00', to: '18:00' }] })).toBe('only by hand');
  });
  it('says what a job would do', () => {
    const e = { addresses: 254, packets: 508, packets_per_host: 0, least: '6s', most: '6s', first_addresses: [] };
    expect(estimateText(e, 100)).toBe('254 addresses at 100 packets a second: about 6s.');
    expect(estimateText({ ...e, most: '1m0s' }, 100)).toContain('if nothing answers');
  });
  it('splits targets', () => {
    expect(lines('10.0.0.0/24, a # office\n\n10.0.0.1-9;b')).toEqual(['10.0.0.0/24', 'a', '10.0.0.1-9', 'b']);
  });
  it('knows states', () => {
    expect(stateOf({ state: 'idle', run: undefined })).toBe('never run');
    expect(stateOf({ state: 'paused', run: undefined })).toBe('paused');
    expect(share({ done: 0, total: 0 })).toBe(0);
    expect(share({ done: 1, total: 4 })).toBe(0.25);
    expect(percentOf({ done: 999, total: 1000 })).toBe('99 %');
    expect(factLabel('port 22')).toBe('Port 22');
  });
});
