// biome-ignore-all lint/style/noNonNullAssertion: indexes run inside the length of the arrays
import { expect, test } from 'vitest';
import { clusters, type Graph, layers } from './layout';

/** A campus: a core, switches on it, hosts on those. */
function campus(n: number, grouped: boolean): Graph {
  const e: number[] = [];
  const switches = Math.ceil(n / 25);
  for (let i = 1; i < n; i++) e.push(i < switches ? Math.floor((i - 1) / 4) : i % switches, i);
  return {
    n,
    edges: Uint32Array.from(e),
    groups: Int32Array.from({ length: n }, (_, i) => (grouped ? (i % switches) % 10 : -1)),
    radii: new Float32Array(n).fill(8),
  };
}

test.each([false, true])('the same graph gives the same picture, groups %s', (grouped) => {
  const a = clusters(campus(600, grouped));
  expect(clusters(campus(600, grouped))).toEqual(a);
  expect(a.every(Number.isFinite)).toBe(true);
});

test('nearly no node lies on another', () => {
  const g = campus(600, true);
  const xy = clusters(g);
  let overlaps = 0;
  for (let i = 0; i < g.n; i++)
    for (let j = i + 1; j < g.n; j++)
      if (Math.hypot(xy[2 * i]! - xy[2 * j]!, xy[2 * i + 1]! - xy[2 * j + 1]!) < 12) overlaps++;
  expect(overlaps).toBeLessThan(6);
});

test('what is needed stands below, also with a circle', () => {
  const g: Graph = {
    n: 4,
    edges: Uint32Array.from([0, 1, 1, 2, 2, 3, 3, 2]),
    groups: new Int32Array(4).fill(-1),
    radii: new Float32Array(4).fill(8),
  };
  const xy = layers(g);
  expect(xy[1]!).toBeLessThan(xy[3]!);
  expect(xy[3]!).toBeLessThan(xy[5]!);
  expect(layers(g)).toEqual(xy);
});

test('an empty map and lone nodes have a place', () => {
  const lone = (n: number): Graph => ({
    n,
    edges: new Uint32Array(),
    groups: new Int32Array(n).fill(-1),
    radii: new Float32Array(n).fill(8),
  });
  expect(clusters(lone(0))).toHaveLength(0);
  const xy = clusters(lone(2));
  expect(Math.hypot(xy[0]! - xy[2]!, xy[1]! - xy[3]!)).toBeGreaterThan(16);
  expect(layers(lone(0))).toHaveLength(0);
});
