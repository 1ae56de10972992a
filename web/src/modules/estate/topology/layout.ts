// biome-ignore-all lint/style/noNonNullAssertion: indexes run inside the length of the arrays
/** A graph by index: `edges` holds pairs, `groups` a group per node, -1 for none. Positions come back as x, y pairs. */
export interface Graph {
  n: number;
  edges: Uint32Array;
  groups: Int32Array;
  /** Radius of each node. */
  radii: Float32Array;
}

const GAP = 14;
const ITERATIONS = 70;

function neighbors(n: number, edges: Uint32Array): { start: Uint32Array; list: Uint32Array } {
  const start = new Uint32Array(n + 1);
  for (const v of edges) start[v + 1]!++;
  for (let i = 0; i < n; i++) start[i + 1]! += start[i]!;
  const at = start.slice();
  const list = new Uint32Array(edges.length);
  for (let e = 0; e < edges.length; e += 2) {
    const a = edges[e]!;
    const b = edges[e + 1]!;
    list[at[a]!++] = b;
    list[at[b]!++] = a;
  }
  return { start, list };
}

/** Pulls joined nodes together and pushes overlapping ones apart; a grid finds those that are near. */
function relax(n: number, xy: Float32Array, radii: Float32Array, edges: Uint32Array, rounds: number): void {
  let widest = 0;
  for (const r of radii) widest = Math.max(widest, r);
  // Few large nodes among many small ones would make the cells too large: large ones look further.
  let typical = 0;
  for (const r of radii) typical += r / n;
  const cell = Math.max(2 * typical + GAP, 20);
  for (let round = 0; round < rounds; round++) {
    const heat = 1 - round / rounds;
    for (let e = 0; e < edges.length; e += 2) {
      const a = edges[e]! * 2;
      const b = edges[e + 1]! * 2;
      const dx = xy[b]! - xy[a]!;
      const dy = xy[b + 1]! - xy[a + 1]!;
      const d = Math.hypot(dx, dy) || 1;
      const over = d - (radii[a / 2]! + radii[b / 2]! + 3 * GAP);
      if (over <= 0) continue;
      const f = (0.06 * heat * over) / d;
      xy[a]! += dx * f;
      xy[a + 1]! += dy * f;
      xy[b]! -= dx * f;
      xy[b + 1]! -= dy * f;
    }
    const grid = new Map<number, number[]>();
    const key = (cx: number, cy: number) => cx * 73856093 + cy * 19349663;
    for (let i = 0; i < n; i++) {
      const k = key(Math.floor(xy[2 * i]! / cell), Math.floor(xy[2 * i + 1]! / cell));
      const l = grid.get(k);
      if (l) l.push(i);
      else grid.set(k, [i]);
    }
    for (let i = 0; i < n; i++) {
      const reach = Math.ceil((radii[i]! + (radii[i]! > typical * 1.5 ? radii[i]! : typical * 1.5) + GAP) / cell);
      const cx = Math.floor(xy[2 * i]! / cell);
      const cy = Math.floor(xy[2 * i + 1]! / cell);
      for (let gx = cx - reach; gx <= cx + reach; gx++)
        for (let gy = cy - reach; gy <= cy + reach; gy++)
          for (const j of grid.get(key(gx, gy)) ?? []) {
            if (j === i || (radii[j]! === radii[i]! && j < i)) continue;
            let dx = xy[2 * j]! - xy[2 * i]!;
            let dy = xy[2 * j + 1]! - xy[2 * i + 1]!;
            let d = Math.hypot(dx, dy);
            const want = radii[i]! + radii[j]! + GAP;
            if (d >= want) continue;
            if (d < 0.01) {
              // The same place: apart by an angle that depends only on the indexes.
              dx = Math.cos(i * 2.4 + j);
              dy = Math.sin(i * 2.4 + j);
              d = 1;
            }
            const f = (0.5 * (want - d)) / d / 2;
            xy[2 * i]! -= dx * f;
            xy[2 * i + 1]! -= dy * f;
            xy[2 * j]! += dx * f;
            xy[2 * j + 1]! += dy * f;
          }
    }
  }
}

/** Lays a tree of shortest ways around the node with the most neighbors, each branch in a wedge of its own. */
function radial(
  n: number,
  near: ReturnType<typeof neighbors>,
  radii: Float32Array,
  root: number,
  xy: Float32Array,
): number[] {
  const parent = new Int32Array(n).fill(-2);
  const depth = new Int32Array(n);
  const order = [root];
  parent[root] = -1;
  for (let h = 0; h < order.length; h++) {
    const v = order[h]!;
    for (let k = near.start[v]!; k < near.start[v + 1]!; k++) {
      const w = near.list[k]!;
      if (parent[w] !== -2) continue;
      parent[w] = v;
      depth[w] = depth[v]! + 1;
      order.push(w);
    }
  }
  const weight = new Float64Array(n);
  const own = new Float64Array(n);
  const width: number[] = [];
  const thick: number[] = [];
  for (let h = order.length - 1; h >= 0; h--) {
    const v = order[h]!;
    own[v] = 2 * radii[v]! + GAP;
    weight[v] = Math.max(weight[v]!, own[v]!);
    if (parent[v]! >= 0) weight[parent[v]!]! += weight[v]!;
    const d = depth[v]!;
    width[d] = (width[d] ?? 0) + own[v]!;
    thick[d] = Math.max(thick[d] ?? 0, radii[v]!);
  }
  const ring: number[] = [0];
  for (let d = 1; d < width.length; d++)
    ring[d] = Math.max(ring[d - 1]! + thick[d - 1]! + thick[d]! + 2 * GAP, width[d]! / (2 * Math.PI));
  const from = new Float64Array(n);
  const to = new Float64Array(n);
  to[root] = 2 * Math.PI;
  const used = new Float64Array(n);
  for (const v of order) {
    const p = parent[v]!;
    if (p >= 0) {
      const all = weight[p]! <= own[p]! ? own[p]! : weight[p]!;
      const part = ((to[p]! - from[p]!) * weight[v]!) / all;
      from[v] = from[p]! + used[p]!;
      to[v] = from[v]! + part;
      used[p]! += part;
    }
    const a = (from[v]! + to[v]!) / 2;
    xy[2 * v] = Math.cos(a) * ring[depth[v]!]!;
    xy[2 * v + 1] = Math.sin(a) * ring[depth[v]!]!;
  }
  return order;
}

/** Packs discs in a spiral, the largest first; gives their centers. */
function pack(radii: number[]): [number, number][] {
  const order = radii.map((_, i) => i).sort((a, b) => radii[b]! - radii[a]! || a - b);
  const at: [number, number][] = radii.map(() => [0, 0]);
  const placed: number[] = [];
  const step = Math.max(8, (radii.reduce((s, r) => s + r, 0) / Math.max(1, radii.length)) * 0.6);
  let t0 = 0;
  let last = Number.POSITIVE_INFINITY;
  for (const i of order) {
    // Discs of one size go on where the one before ended.
    if (radii[i]! < last * 0.8) t0 = 0;
    last = radii[i]!;
    for (let t = t0; ; t++) {
      const a = 2.399963 * 0.35 * Math.sqrt(t) * 4;
      const r = step * Math.sqrt(t);
      const x = Math.cos(a) * r;
      const y = Math.sin(a) * r;
      if (placed.every((j) => Math.hypot(at[j]![0] - x, at[j]![1] - y) >= radii[i]! + radii[j]! + 2 * GAP)) {
        at[i] = [x, y];
        placed.push(i);
        t0 = t;
        break;
      }
    }
  }
  return at;
}

/** One disc: the nodes of a group, or of the whole map. Gives the radius; xy is around 0, 0. */
function disc(n: number, edges: Uint32Array, radii: Float32Array, xy: Float32Array): number {
  const near = neighbors(n, edges);
  const degree = (i: number) => near.start[i + 1]! - near.start[i]!;
  // What hangs on one node only is set around it, and makes it larger.
  const owner = new Int32Array(n).fill(-1);
  const leaves: number[][] = Array.from({ length: n }, () => []);
  for (let i = 0; i < n; i++) {
    const to = near.list[near.start[i]!];
    if (degree(i) === 1 && degree(to!) > 1) {
      owner[i] = to!;
      leaves[to!]!.push(i);
    }
  }
  const core: number[] = [];
  const index = new Int32Array(n).fill(-1);
  for (let i = 0; i < n; i++)
    if (owner[i] === -1) {
      index[i] = core.length;
      core.push(i);
    }
  const offsets = new Float32Array(2 * n);
  const grown = new Float32Array(core.length);
  core.forEach((v, c) => {
    let r = radii[v]!;
    const l = leaves[v]!;
    let k = 0;
    while (k < l.length) {
      const size = radii[l[k]!]!;
      r += GAP + size;
      const fit = Math.max(1, Math.floor((2 * Math.PI * r) / (2 * size + GAP)));
      const here = Math.min(fit, l.length - k);
      for (let j = 0; j < here; j++) {
        const a = (2 * Math.PI * j) / here;
        offsets[2 * l[k + j]!] = Math.cos(a) * r;
        offsets[2 * l[k + j]! + 1] = Math.sin(a) * r;
      }
      k += here;
      r += size;
    }
    grown[c] = r;
  });
  const inner: number[] = [];
  for (let e = 0; e < edges.length; e += 2) {
    const a = index[edges[e]!]!;
    const b = index[edges[e + 1]!]!;
    if (a >= 0 && b >= 0) inner.push(a, b);
  }
  const coreXY = islands(core.length, Uint32Array.from(inner), grown);
  let reach = 0;
  core.forEach((v, c) => {
    xy[2 * v] = coreXY[2 * c]!;
    xy[2 * v + 1] = coreXY[2 * c + 1]!;
    reach = Math.max(reach, Math.hypot(xy[2 * v]!, xy[2 * v + 1]!) + grown[c]!);
  });
  for (let i = 0; i < n; i++)
    if (owner[i]! >= 0) {
      xy[2 * i] = xy[2 * owner[i]!]! + offsets[2 * i]!;
      xy[2 * i + 1] = xy[2 * owner[i]! + 1]! + offsets[2 * i + 1]!;
    }
  return reach;
}

/** Lays each connected part by itself and packs them. */
function islands(n: number, edges: Uint32Array, radii: Float32Array): Float32Array {
  const near = neighbors(n, edges);
  const xy = new Float32Array(2 * n);
  const part = new Int32Array(n).fill(-1);
  const byDegree = Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => near.start[b + 1]! - near.start[b]! - (near.start[a + 1]! - near.start[a]!) || a - b,
  );
  const parts: number[][] = [];
  for (const root of byDegree) {
    if (part[root] !== -1) continue;
    const members = radial(n, near, radii, root, xy);
    for (const v of members) part[v] = parts.length;
    parts.push(members);
  }
  const place = new Int32Array(n);
  const inside: number[][] = parts.map(() => []);
  for (const p of parts)
    p.forEach((v, k) => {
      place[v] = k;
    });
  for (let e = 0; e < edges.length; e += 2) inside[part[edges[e]!]!]!.push(place[edges[e]!]!, place[edges[e + 1]!]!);
  const sizes = parts.map((members, p) => {
    const sub = new Float32Array(2 * members.length);
    members.forEach((v, k) => {
      sub[2 * k] = xy[2 * v]!;
      sub[2 * k + 1] = xy[2 * v + 1]!;
    });
    const subR = Float32Array.from(members, (v) => radii[v]!);
    if (members.length > 2) relax(members.length, sub, subR, Uint32Array.from(inside[p]!), ITERATIONS);
    let cx = 0;
    let cy = 0;
    members.forEach((_, k) => {
      cx += sub[2 * k]! / members.length;
      cy += sub[2 * k + 1]! / members.length;
    });
    let r = 0;
    members.forEach((v, k) => {
      xy[2 * v] = sub[2 * k]! - cx;
      xy[2 * v + 1] = sub[2 * k + 1]! - cy;
      r = Math.max(r, Math.hypot(xy[2 * v]!, xy[2 * v + 1]!) + subR[k]!);
    });
    return r;
  });
  const at = pack(sizes);
  for (let i = 0; i < n; i++) {
    xy[2 * i]! += at[part[i]!]![0];
    xy[2 * i + 1]! += at[part[i]!]![1];
  }
  return xy;
}

/** The network layout: groups become discs; without groups there is one. The same graph gives the same picture. */
export function clusters(g: Graph): Float32Array {
  const xy = new Float32Array(2 * g.n);
  const members = new Map<number, number[]>();
  let alone = -2;
  const grouped = g.groups.some((x) => x >= 0);
  for (let i = 0; i < g.n; i++) {
    const k = grouped && g.groups[i]! < 0 ? alone-- : g.groups[i]!;
    const l = members.get(k);
    if (l) l.push(i);
    else members.set(k, [i]);
  }
  const keys = [...members.keys()];
  const of = new Int32Array(g.n);
  const place = new Int32Array(g.n);
  keys.forEach((k, d) => {
    members.get(k)!.forEach((v, p) => {
      of[v] = d;
      place[v] = p;
    });
  });
  const inside: number[][] = keys.map(() => []);
  const between: number[] = [];
  const joined = new Set<number>();
  for (let e = 0; e < g.edges.length; e += 2) {
    const a = g.edges[e]!;
    const b = g.edges[e + 1]!;
    if (of[a] === of[b]) inside[of[a]!]!.push(place[a]!, place[b]!);
    else {
      const k = Math.min(of[a]!, of[b]!) * keys.length + Math.max(of[a]!, of[b]!);
      if (!joined.has(k)) {
        joined.add(k);
        between.push(of[a]!, of[b]!);
      }
    }
  }
  const sizes = new Float32Array(keys.length);
  const subs = keys.map((k, d) => {
    const m = members.get(k)!;
    const sub = new Float32Array(2 * m.length);
    const r = disc(
      m.length,
      Uint32Array.from(inside[d]!),
      Float32Array.from(m, (v) => g.radii[v]!),
      sub,
    );
    sizes[d] = m.length > 1 ? r + 24 : r;
    return sub;
  });
  const centers = keys.length > 1 ? islands(keys.length, Uint32Array.from(between), sizes) : new Float32Array(2);
  for (let i = 0; i < g.n; i++) {
    xy[2 * i] = subs[of[i]!]![2 * place[i]!]! + centers[2 * of[i]!]!;
    xy[2 * i + 1] = subs[of[i]!]![2 * place[i]! + 1]! + centers[2 * of[i]! + 1]!;
  }
  return xy;
}

/** The service layout: what needs stands above what is needed. Long layers are broken into lines. */
export function layers(g: Graph): Float32Array {
  const down: number[][] = Array.from({ length: g.n }, () => []);
  const up: number[][] = Array.from({ length: g.n }, () => []);
  for (let e = 0; e < g.edges.length; e += 2) {
    down[g.edges[e]!]!.push(g.edges[e + 1]!);
    up[g.edges[e + 1]!]!.push(g.edges[e]!);
  }
  // Longest way from the top; an edge that closes a circle is left out.
  const level = new Int32Array(g.n);
  const mark = new Uint8Array(g.n);
  const order: number[] = [];
  const back = new Set<number>();
  for (let s = 0; s < g.n; s++) {
    if (mark[s]) continue;
    const stack: [number, number][] = [[s, 0]];
    mark[s] = 1;
    while (stack.length) {
      const top = stack[stack.length - 1]!;
      const [v, k] = top;
      if (k >= down[v]!.length) {
        mark[v] = 2;
        order.push(v);
        stack.pop();
        continue;
      }
      top[1]++;
      const w = down[v]![k]!;
      if (mark[w] === 0) {
        mark[w] = 1;
        stack.push([w, 0]);
      } else if (mark[w] === 1) back.add(v * g.n + w);
    }
  }
  for (let h = order.length - 1; h >= 0; h--)
    for (const w of down[order[h]!]!)
      if (!back.has(order[h]! * g.n + w)) level[w] = Math.max(level[w]!, level[order[h]!]! + 1);
  const lines: number[][] = [];
  for (let i = 0; i < g.n; i++) {
    lines[level[i]!] ??= [];
    lines[level[i]!]!.push(i);
  }
  const at = new Float64Array(g.n);
  const number = (l: number[]) =>
    l.forEach((v, k) => {
      at[v] = (k + 0.5) / l.length;
    });
  lines.forEach(number);
  for (let sweep = 0; sweep < 8; sweep++) {
    const next = sweep % 2 ? down : up;
    for (const l of sweep % 2 ? [...lines].reverse() : lines) {
      const mean = new Map(
        l.map((v) => [v, next[v]!.length ? next[v]!.reduce((s, w) => s + at[w]!, 0) / next[v]!.length : at[v]!]),
      );
      l.sort((a, b) => mean.get(a)! - mean.get(b)! || a - b);
      number(l);
    }
  }
  const widest = Math.max(1, ...lines.map((l) => l.length));
  const gap = widest <= 40 ? 130 : 56;
  const fit = Math.max(12, Math.ceil(Math.sqrt(g.n) * 1.6));
  const xy = new Float32Array(2 * g.n);
  let y = 0;
  for (const l of lines) {
    const rows = Math.ceil(l.length / fit);
    const per = Math.ceil(l.length / rows);
    l.forEach((v, k) => {
      const row = Math.floor(k / per);
      const here = Math.min(per, l.length - row * per);
      xy[2 * v] = ((k % per) - (here - 1) / 2) * gap;
      xy[2 * v + 1] = y + row * 56;
    });
    y += (rows - 1) * 56 + 110;
  }
  return xy;
}
