import { expect, describe as group, it } from 'vitest';
import { between, describe, localTime, repeats } from './maintenance';

group('repetitions of maintenance', () => {
  it('suggests what fits the first time', () => {
    const values = repeats('2026-11-10T22:00:00').map((r) => r.value);
    expect(values).toContain('FREQ=WEEKLY;BYDAY=TU');
    expect(values).toContain('FREQ=MONTHLY;BYDAY=2TU');
    expect(values).toContain('FREQ=MONTHLY;BYMONTHDAY=10');
    expect(repeats('2026-11-30T22:00:00').map((r) => r.value)).toEqual([
      '',
      'FREQ=DAILY',
      'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR',
      'FREQ=WEEKLY;BYDAY=MO',
      'FREQ=MONTHLY;BYDAY=-1MO',
      'FREQ=MONTHLY;BYMONTHDAY=-1',
    ]);
    expect(repeats('')).toEqual([{ value: '', label: 'Once' }]);
  });
  it.each([
    ['', 'Once'],
    ['FREQ=DAILY', 'Every day'],
    ['FREQ=WEEKLY;BYDAY=SA,SU', 'Every Saturday, Sunday'],
    ['FREQ=MONTHLY;BYDAY=2TU', 'Every second Tuesday of the month'],
    ['FREQ=MONTHLY;BYDAY=-1FR', 'Every last Friday of the month'],
    ['FREQ=MONTHLY;BYMONTHDAY=-1', 'The last day of every month'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=MO', 'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO'],
  ])('%s in words', (rule, text) => expect(describe(rule)).toBe(text));
  it('writes local times and lengths', () => {
    expect(localTime('2026-07-01T20:00:00Z', 'Europe/Berlin')).toBe('2026-07-01T22:00:00');
    expect(localTime('2026-07-01T22:00:00Z', 'Europe/Berlin')).toBe('2026-07-02T00:00:00');
    expect(between('2026-07-01T20:00:00Z', '2026-07-01T22:00:00Z')).toBe('7200s');
  });
});
