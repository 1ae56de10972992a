import { describe, expect, it } from 'vitest';
import { type Buckets, figures, figureValue, type Report, shares, stepFor } from './model';

const BUCKETS: Buckets = {
  up_seconds: 900,
  down_seconds: 100,
  planned_seconds: 0,
  unreachable_seconds: 0,
  unknown_seconds: 0,
  no_data_seconds: 1000,
};
const def = (key: string) => ({ key, title: key, formula: 'f', clock: 'c', source: 's', population: 'p' });
const REPORT = {
  availability: 0.9,
  downtime_seconds: 100,
  incidents: 2,
  failures: 1,
  mtbf_seconds: null,
  means: { mtta: { mean_seconds: 134, median_seconds: 130, p90_seconds: 200, population: 2 } },
  buckets: BUCKETS,
  definitions: [def('availability'), def('mtta'), def('mtbf')],
} as unknown as Report;

describe('figures', () => {
  it('stand beside their definitions', () => {
    expect(figures(REPORT).map((f) => [f.key, f.value, f.detail])).toEqual([
      ['availability', '90 %', undefined],
      ['mtta', '2m 14s', 'Median 2m 10s, 90th percentile 3m 20s, 2 counted'],
      ['mtbf', 'No data', undefined],
    ]);
  });
  it('say that there is nothing to count instead of zero', () => {
    expect(figureValue({ ...REPORT, availability: null }, 'availability')).toBe('No data');
    expect(figureValue(REPORT, 'mttd')).toBe('No data');
  });
});

it('shares add up to the period and leave out what is empty', () => {
  const s = shares(BUCKETS);
  expect(s.map((x) => [x.label, x.share])).toEqual([
    ['Up', 0.45],
    ['Down', 0.05],
    ['No data', 0.5],
  ]);
});

it.each([
  ['2026-11-30', 'day'],
  ['2027-03-01', 'week'],
  ['2028-06-01', 'month'],
] as const)('until %s by %s', (to, step) => expect(stepFor(new Date('2026-11-01'), new Date(to))).toBe(step));
