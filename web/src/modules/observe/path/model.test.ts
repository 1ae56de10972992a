import { describe, expect, it } from 'vitest';
import { barTop, dragged, lossText, mosWord, ms, niceTop, partAt, shareURL, topOf } from './model';
import type { HopRow } from './queries';

describe('scales', () => {
  it('ends at a round number', () => {
    expect([0, 0.8, 1.2, 4.1, 23, 70, 100].map(niceTop)).toEqual([1, 1, 2, 5, 50, 100, 100]);
  });
  it('takes the largest answer', () => {
    const t = { mean_ms: [1], min_ms: [1], max_ms: [-1, 7, 3], loss: [0] };
    expect(topOf([t])).toBe(7);
    expect(topOf([])).toBe(1);
  });
  it('is not set by one outlier', () => {
    const row = (mean: number, max: number) => ({ mean_ms: mean, max_ms: max }) as HopRow;
    expect(barTop([row(10, 12), row(2, 900)])).toBe(20);
  });
});

describe('texts', () => {
  it('writes milliseconds', () => {
    expect([0.123, 12.34, 123.4, undefined, -1].map(ms)).toEqual(['0.12', '12.3', '123', '–', '–']);
  });
  it('writes loss', () => {
    expect([0, 0.0004, 0.004, 0.25, 1, undefined].map(lossText)).toEqual([
      '0 %',
      '<0.1 %',
      '0.4 %',
      '25 %',
      '100 %',
      '–',
    ]);
  });
  it('says what MOS means', () => {
    expect([4.4, 3.7, 3.2, 1, 0].map(mosWord)).toEqual(['good', 'fair', 'poor', 'bad', '–']);
  });
});

describe('dragging', () => {
  it('gives the window in order', () => {
    expect(dragged(75, 25, 100, 0, 100_000)).toEqual({ from: 25_000, to: 75_000 });
    expect(dragged(-20, 50, 100, 0, 100_000)).toEqual({ from: 0, to: 50_000 });
  });
  it('takes a click for a click', () => {
    expect(dragged(50, 53, 100, 0, 100_000)).toBeUndefined();
    expect(dragged(10, 30, 1000, 0, 60_000)).toBeUndefined();
  });
  it('finds the part under the mouse', () => {
    expect([0, 0.5, 0.999, 1, -1].map((s) => partAt(s, 4))).toEqual([0, 2, 3, 3, 0]);
  });
});

it('shares absolute times', () => {
  expect(shareURL('/observe/paths/a', '2026-01-01T00:00:00.000Z', '2026-01-01T01:00:00.000Z')).toBe(
    '/observe/paths/a?from=2026-01-01T00%3A00%3A00.000Z&to=2026-01-01T01%3A00%3A00.000Z',
  );
});
