import type { Graph } from './layout';
import type { MapEdge, MapNode, TopologyMap } from './queries';

/** What is drawn: a node of the map, or a closed group. */
export interface Shape {
  id: string;
  label: string;
  kind: string;
  state: string;
  group: number;
  radius: number;
  /** Number of nodes in a closed group; 0 for a node. */
  count: number;
  node?: MapNode;
}

export interface Line {
  a: number;
  b: number;
  edges: MapEdge[];
  stale: boolean;
  down: boolean;
  proposed: boolean;
}

export interface Scene {
  shapes: Shape[];
  lines: Line[];
  groups: string[];
  index: Map<string, number>;
}

const RANK = ['', 'ok', 'pending', 'unknown', 'warning', 'critical'];

/** The worse of two states of items. */
export const worse = (a: string, b: string) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a);

export const groupId = (g: string) => `group:${g}`;

/** Makes the picture of a map: nodes of closed groups become one shape, edges between the same shapes one line. */
export function sceneOf(map: TopologyMap, closed: ReadonlySet<string>): Scene {
  const groups = [...new Set(map.nodes.map((n) => n.group ?? '').filter(Boolean))].sort();
  const number = new Map(groups.map((g, i) => [g, i]));
  const shapes: Shape[] = [];
  const index = new Map<string, number>();
  const of = new Map<string, number>();
  for (const node of map.nodes) {
    const g = node.group ?? '';
    if (g && closed.has(g)) {
      let at = index.get(groupId(g));
      if (at === undefined) {
        at = shapes.length;
        index.set(groupId(g), at);
        shapes.push({
          id: groupId(g),
          label: g,
          kind: 'group',
          state: '',
          group: number.get(g) ?? -1,
          radius: 0,
          count: 0,
        });
      }
      const s = shapes[at] as Shape;
      s.count++;
      s.state = worse(s.state, node.state ?? '');
      s.radius = 16 + Math.min(34, Math.sqrt(s.count) * 1.6);
      of.set(node.id, at);
      continue;
    }
    of.set(node.id, shapes.length);
    index.set(node.id, shapes.length);
    shapes.push({
      id: node.id,
      label: node.name,
      kind: node.kind,
      state: node.state ?? '',
      group: g ? (number.get(g) ?? -1) : -1,
      radius: 7 + Math.min(9, Math.sqrt(node.degree)),
      count: 0,
      node,
    });
  }
  const lines: Line[] = [];
  const joined = new Map<number, Line>();
  for (const e of map.edges) {
    const a = of.get(e.from);
    const b = of.get(e.to);
    if (a === undefined || b === undefined || a === b) continue;
    const k = a * shapes.length + b;
    const back = e.kind === 'link' ? joined.get(b * shapes.length + a) : undefined;
    const line = joined.get(k) ?? back;
    if (line) {
      line.edges.push(e);
      line.stale &&= !!e.stale;
      line.down ||= e.state === 'down';
      line.proposed &&= e.kind === 'proposed';
    } else {
      const l = { a, b, edges: [e], stale: !!e.stale, down: e.state === 'down', proposed: e.kind === 'proposed' };
      joined.set(k, l);
      lines.push(l);
    }
  }
  return { shapes, lines, groups, index };
}

export function graphOf(s: Scene): Graph {
  const edges = new Uint32Array(s.lines.length * 2);
  s.lines.forEach((l, i) => {
    edges[2 * i] = l.a;
    edges[2 * i + 1] = l.b;
  });
  return {
    n: s.shapes.length,
    edges,
    groups: Int32Array.from(s.shapes, (x) => (x.count ? -1 : x.group)),
    radii: Float32Array.from(s.shapes, (x) => x.radius),
  };
}

/** The joined shape that lies most in the direction of an arrow key. */
export function towards(s: Scene, xy: Float32Array, from: number, dx: number, dy: number): number | undefined {
  let best: number | undefined;
  let most = 0.2;
  for (const l of s.lines) {
    const to = l.a === from ? l.b : l.b === from ? l.a : -1;
    if (to < 0) continue;
    const x = (xy[2 * to] ?? 0) - (xy[2 * from] ?? 0);
    const y = (xy[2 * to + 1] ?? 0) - (xy[2 * from + 1] ?? 0);
    const d = Math.hypot(x, y) || 1;
    const fit = (x * dx + y * dy) / d - d / 1e5;
    if (fit > most) {
      most = fit;
      best = to;
    }
  }
  return best;
}

export type Pins = Record<string, [number, number]>;

/** Pins stand in the URL, so that a link to the map shows them. */
export const writePins = (p: Pins): string | undefined =>
  Object.entries(p)
    .slice(-40)
    .map(([id, [x, y]]) => `${encodeURIComponent(id)}~${Math.round(x)}~${Math.round(y)}`)
    .join('!') || undefined;

export function readPins(s: string | undefined): Pins {
  const out: Pins = {};
  for (const part of (s ?? '').split('!')) {
    const [id, x, y] = part.split('~');
    if (id && Number.isFinite(Number(x)) && Number.isFinite(Number(y)))
      out[decodeURIComponent(id)] = [Number(x), Number(y)];
  }
  return out;
}
