import { describe, expect, it } from 'vitest';
import { stacked } from '@/ui/LiveChart';
import { arrange, type Box, COLUMNS, onGrid } from './layout';
import { ALL, chosen, heat, readValues, reduce, slug, spans, table, toneFor, writeValues } from './model';
import type { Line, Panel } from './queries';

const box = (id: string, x: number, y: number, w = 6, h = 4): Box => ({ id, x, y, w, h });
const overlaps = (list: Box[]) =>
  list.some((a) =>
    list.some((b) => a.id !== b.id && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h),
  );

describe('layout', () => {
  it('keeps boxes on the grid', () => {
    expect(onGrid(box('a', -3, -2, 99, 1))).toEqual(box('a', 0, 0, 24, 2));
    expect(onGrid(box('a', 22, 3, 6, 4))).toEqual(box('a', 18, 3));
  });
  it('moves what is in the way down and closes gaps', () => {
    const list = [box('a', 0, 0), box('b', 0, 4), box('c', 12, 0)];
    expect(arrange(list, box('c', 0, 0))).toEqual([box('a', 0, 4), box('b', 0, 8), box('c', 0, 0)]);
    expect(arrange([box('a', 0, 9)], box('n', 12, 0))).toEqual([box('a', 0, 0), box('n', 12, 0)]);
  });
  it('never puts one on another, whatever is moved', () => {
    let seed = 7;
    const rnd = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % n;
    };
    let list: Box[] = [];
    for (let i = 0; i < 12; i++) list = arrange(list, box(`p${i}`, rnd(24), rnd(20), 2 + rnd(10), 2 + rnd(8)));
    for (let i = 0; i < 300; i++) {
      const b = list[rnd(list.length)] as Box;
      list = arrange(list, { ...b, x: rnd(30) - 3, y: rnd(40) - 2, w: rnd(26), h: rnd(12) });
      expect(overlaps(list)).toBe(false);
      expect(list.every((x) => x.x >= 0 && x.x + x.w <= COLUMNS && x.y >= 0)).toBe(true);
      expect(list.length).toBe(12);
    }
  });
});

const line = (values: (number | null)[], labels: Record<string, string> = {}, query = 0): Line => ({
  query,
  name: labels.le ?? 'x',
  labels,
  values,
});
const panel = (p: Partial<Panel>): Panel => ({ id: 'a', kind: 'series', x: 0, y: 0, w: 6, h: 4, ...p });

describe('answers', () => {
  it('keep choices in the URL', () => {
    const v = { host: ['a=b', 'c'], env: ['prod'] };
    expect(readValues(writeValues(v))).toEqual(v);
    expect(writeValues({})).toBeUndefined();
    const vars = [
      { name: 'a', kind: 'query' as const },
      { name: 'b', kind: 'query' as const, all: true },
      { name: 'c', kind: 'list' as const, default: ['1h'] },
    ];
    expect(chosen(vars, { c: ['2h'] }, { a: ['x', 'y'] })).toEqual({ a: ['x'], b: [ALL], c: ['2h'] });
  });
  it('become one value with a tone', () => {
    const l = line([1, null, 5, 3]);
    expect([reduce(l, undefined), reduce(l, 'mean'), reduce(l, 'max'), reduce(l, 'sum')]).toEqual([3, 3, 5, 9]);
    expect(reduce(line([null]), 'last')).toBeUndefined();
    const p = panel({
      thresholds: [
        { value: 0.95, tone: 'down' },
        { value: 0.8, tone: 'warn' },
      ],
    });
    expect([toneFor(0.5, p), toneFor(0.8, p), toneFor(1, p)]).toEqual([undefined, 'warn', 'down']);
  });
  it('become stretches of states', () => {
    expect(spans(line([0, 0, 2, null, 2]), [0, 10, 20, 30, 40], 10)).toEqual([
      { from: 0, to: 20, state: 'ok' },
      { from: 20, to: 30, state: 'critical' },
      { from: 40, to: 50, state: 'critical' },
    ]);
  });
  it('become a heat map of what lies between buckets', () => {
    expect(heat([line([4], { le: '+Inf' }), line([1], { le: '0.1' }), line([3], { le: '1' })])).toEqual([
      { name: '+Inf', values: [1] },
      { name: '1', values: [2] },
      { name: '0.1', values: [1] },
    ]);
  });
  it('become a table by labels', () => {
    const t = table(panel({ kind: 'table', queries: [{ expr: 'a', legend: 'Rate' }, { expr: 'b' }] }), [
      line([1], { s: 'web' }),
      line([9], { s: 'web' }, 1),
      line([2], { s: 'db' }),
    ]);
    expect(t).toEqual({
      labels: ['s'],
      values: ['Rate', 'Value 2'],
      rows: [
        { key: 'web', labels: ['web'], values: [1, 9] },
        { key: 'db', labels: ['db'], values: [2] },
      ],
    });
  });
  it('stand on each other', () => {
    expect(
      stacked([
        [1, null, 2],
        [3, 4, null],
      ]),
    ).toEqual([
      [1, null, 2],
      [4, 4, 2],
    ]);
  });
  it('names', () => expect(slug(' Größe: Web & DB ')).toBe('gro-e-web-db'));
});
