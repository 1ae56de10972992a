import { describe, expect, it } from 'vitest';
import {
  align,
  byPrefix,
  csv,
  fittingStep,
  type Line,
  remember,
  shortNames,
  stacked,
  startQuery,
  statsOf,
  unitOf,
} from './model';

const line = (labels: Record<string, string>, x: number[], y: (number | null)[], letter = 'A'): Line => ({
  letter,
  labels,
  x,
  y,
});

describe('lines', () => {
  it('are brought onto one axis with gaps', () => {
    expect(align([line({}, [1, 3], [10, 30]), line({}, [2, 3], [5, null])])).toEqual({
      x: [1, 2, 3],
      y: [
        [10, null, 30],
        [null, 5, null],
      ],
    });
  });
  it('are stacked from below', () => {
    expect(
      stacked([
        [1, null],
        [2, 3],
      ]),
    ).toEqual([
      [1, 0],
      [3, 3],
    ]);
  });
  it('have short names by what differs', () => {
    const a = line({ __name__: 'm', host: 'a', job: 'x' }, [], []);
    const b = line({ __name__: 'm', host: 'b', job: 'x' }, [], []);
    expect(shortNames([a, b, { ...a, letter: 'B' }])).toEqual(['a', 'b', 'm{host="a", job="x"}']);
  });
  it('have figures', () => {
    expect(statsOf([null, 2, 4, null])).toEqual({ min: 2, avg: 3, max: 4, last: 4 });
    expect(statsOf([null])).toBeUndefined();
  });
  it('become a table', () => {
    expect(csv([line({ __name__: 'm', a: 'b' }, [0], [1.5])])).toBe(
      'time,"A m{a=""b""}"\n1970-01-01T00:00:00.000Z,1.5\n',
    );
  });
});

describe('unitOf', () => {
  const meant = (m: string) => ({ mem: 'bytes', cap: 'bytes', lat: 'seconds', temp: 'celsius' })[m];
  it.each([
    ['mem', 'bytes'],
    ['sum by (host) (mem)', 'bytes'],
    ['rate(mem[5m])', 'B/s'],
    ['rate(lat[5m])', undefined],
    ['mem / cap', 'ratio'],
    ['mem / lat', undefined],
    ['mem / cap * 100', undefined],
    ['count(mem)', undefined],
    ['histogram_quantile(0.9, sum by (le) (rate(lat_bucket[5m])))', 'seconds'],
    ['x_bytes_total', 'bytes'],
    ['1 + 2', undefined],
  ])('%s is in %s', (q, unit) => expect(unitOf(q, meant)).toBe(unit));
});

describe('others', () => {
  it('takes a step with about 300 points', () => {
    expect([3600, 86400, 7 * 86400].map(fittingStep)).toEqual([15, 300, 3600]);
  });
  it('groups by prefix', () => {
    expect(byPrefix([{ name: 'a_x' }, { name: 'a_y' }, { name: 'up' }]).map(([p, m]) => [p, m.length])).toEqual([
      ['a', 2],
      ['other', 1],
    ]);
  });
  it('begins with the rate of a counter', () => {
    expect(startQuery({ name: 'x_total', type: 'counter' })).toBe('rate(x_total[5m])');
    expect(startQuery({ name: 'x' })).toBe('x');
  });
  it('remembers each query once', () => {
    expect(remember(['a', 'b'], ' b ')).toEqual(['b', 'a']);
    expect(remember(['a'], '')).toEqual(['a']);
  });
});
