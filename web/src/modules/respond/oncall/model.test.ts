import { describe, expect, it } from 'vitest';
import { bars, colorOf, dayStarts, midnight, targetOf, targetText, targetValue } from './model';

const at = (s: string) => Date.parse(`2026-11-${s}Z`);
const shift = (from: string, to: string) => ({
  from: `2026-11-${from}Z`,
  to: `2026-11-${to}Z`,
  layer: 0,
  override: false,
  person: { id: 'p1', name: 'Ada', email: 'ada@example.org' },
});

describe('bars', () => {
  it('cuts what lies outside and keeps the order', () => {
    const b = bars(
      [shift('22T00:00:00', '24T00:00:00'), shift('25T00:00:00', '29T00:00:00')],
      [{ from: '2026-11-24T00:00:00Z', to: '2026-11-25T00:00:00Z' }],
      at('23T00:00:00'),
      at('27T00:00:00'),
    );
    expect(b.map((x) => [x.left, x.width, x.shift?.person?.name])).toEqual([
      [0, 25, 'Ada'],
      [25, 25, undefined],
      [50, 50, 'Ada'],
    ]);
  });
  it('leaves out what does not touch the time', () => {
    expect(bars([shift('01T00:00:00', '02T00:00:00')], [], at('23T00:00:00'), at('27T00:00:00'))).toEqual([]);
  });
});

it('days begin at midnight of the zone', () => {
  const start = midnight(at('23T14:30:00'), true);
  expect(new Date(start).toISOString()).toBe('2026-11-23T00:00:00.000Z');
  expect(dayStarts(start, 3, true).map((t) => (t - start) / 3_600_000)).toEqual([0, 24, 48]);
});

it('a person has one color', () => {
  expect(colorOf('b', ['a', 'b'])).toBe('var(--s2)');
  expect(colorOf('i', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'])).toBe('var(--s1)');
});

it.each([{ schedule: 'primary' }, { channel: 'ops' }, { person: 'a@example.org' }])('target %o', (t) => {
  expect(targetOf(targetValue(t))).toEqual(t);
});
it('a bare address is a person', () => {
  expect(targetOf('a@example.org')).toEqual({ person: 'a@example.org' });
  expect(targetText({ schedule: 'primary' })).toBe('schedule primary');
});
