import { describe, expect, it } from 'vitest';
import { amount, ceiling, change, drill, findingURL, flowsURL, negate, rate, stack } from './model';
import { OTHER, sankey } from './sankey-layout';

describe('amounts', () => {
  it('counts traffic in decimal units', () => {
    expect(rate(1_000_000, 8, 'bytes')).toBe('1 Mbit/s');
    expect(rate(1_000, 10, 'packets')).toBe('100 packets/s');
    expect(rate(5, 0, 'bytes')).toBe('0 bit/s');
    expect(amount(12_345, 'flows')).toBe('12,345 flows');
  });
  it('says how much changed', () => {
    expect(change(150, 100)).toBe('+50 %');
    expect(change(95, 100)).toBe('−5.0 %');
    expect(change(5, 0)).toBe('new');
    expect(change(0, 0)).toBe('–');
    expect(change(5000, 100)).toBe('50×');
  });
  it('finds a round top for an axis', () => {
    expect(ceiling(0)).toBe(1);
    expect(ceiling(97)).toBe(100);
    expect(ceiling(2.2e9)).toBe(2.5e9);
  });
});

describe('drilling down', () => {
  it('adds a filter and asks the next question', () => {
    expect(drill([], 'app', 'https')).toEqual({ filter: ['app:https'], by: 'src' });
    expect(drill(['app:https'], 'src', '10.0.0.1')).toEqual({ filter: ['app:https', 'src:10.0.0.1'], by: 'dst' });
    expect(drill(['src:10.0.0.1'], 'src', '10.0.0.1').filter).toHaveLength(1);
    expect(drill(['src:10.0.0.1'], 'app', 'dns').by).toBe('dst');
    expect(negate('app:x')).toBe('!app:x');
    expect(negate('!app:x')).toBe('app:x');
  });
  it('writes addresses that the page reads', () => {
    const u = new URL(flowsURL({ by: 'src', filter: ['interface:10.0.0.1/3'], from: '-6h' }), 'http://x');
    expect(u.pathname).toBe('/observe/flows');
    expect(JSON.parse(u.searchParams.get('filter') ?? '')).toEqual(['interface:10.0.0.1/3']);
    const f = new URL(
      findingURL({ kind: 'sweep', subject: '10.0.0.6', port: 445, began_at: '2026-03-01T10:00:00Z' }),
      'http://x',
    );
    expect(JSON.parse(f.searchParams.get('filter') ?? '')).toEqual(['src:10.0.0.6', 'dst_port:445']);
    expect(f.searchParams.get('from')).toBe('2026-03-01T09:50:00.000Z');
  });
});

describe('the stacked graph', () => {
  it('puts the rest on top', () => {
    const parts = stack(
      [
        [1, 2],
        [3, 0],
      ],
      [5, 2],
    );
    expect(parts.map((p) => p.upper)).toEqual([
      [1, 2],
      [4, 2],
      [5, 2],
    ]);
  });
  it('never falls below its lines, where an address counts at both ends', () => {
    expect(stack([[7]], [5]).at(-1)).toEqual({ lower: [7], upper: [7] });
  });
});

describe('the diagram of paths', () => {
  const flows = [
    { keys: ['a', 'https', 'x'], value: 60 },
    { keys: ['a', 'dns', 'y'], value: 10 },
    { keys: ['b', 'https', 'y'], value: 30 },
  ];
  it('gives nodes and links the height of their traffic', () => {
    const { nodes, links } = sankey(flows, 3, 220, 10, 20);
    const a = nodes.find((n) => n.column === 0 && n.key === 'a');
    expect(a?.height).toBeCloseTo(140);
    const out = links.filter((l) => l.column === 0 && l.from === 'a').reduce((n, l) => n + l.height, 0);
    expect(out).toBeCloseTo(a?.height ?? 0);
    for (const n of nodes) {
      expect(n.y).toBeGreaterThanOrEqual(-0.001);
      expect(n.y + n.height).toBeLessThanOrEqual(220.001);
    }
  });
  it('joins what is small', () => {
    const many = Array.from({ length: 30 }, (_, i) => ({ keys: [`s${i}`, 'https', 'x'], value: 30 - i }));
    const { nodes } = sankey(many, 3, 400, 5, 4);
    const first = nodes.filter((n) => n.column === 0);
    expect(first).toHaveLength(6);
    expect(first.at(-1)?.key).toBe(OTHER);
  });
  it('draws nothing of nothing', () => {
    expect(sankey([], 3, 100).nodes).toEqual([]);
  });
});
