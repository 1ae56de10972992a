/** A ribbon of traffic through the columns: one key for each, and how much. */
export interface Flow {
  keys: readonly string[];
  value: number;
}

export interface Node {
  column: number;
  key: string;
  value: number;
  y: number;
  height: number;
}

export interface Link {
  column: number;
  from: string;
  to: string;
  value: number;
  /** Upper edge at both ends, and thickness. */
  y0: number;
  y1: number;
  height: number;
}

export const OTHER = '\u0000other';

/**
 * Lays out nodes in columns with heights by value, and links between neighbors. Each column keeps its `most` largest
 * keys; the rest is one node, OTHER. Heights are in the unit of `height`.
 */
export function sankey(
  flows: readonly Flow[],
  columns: number,
  height: number,
  most = 12,
  gap = 6,
): { nodes: Node[]; links: Link[] } {
  const sums: Map<string, number>[] = Array.from({ length: columns }, () => new Map());
  for (const f of flows)
    f.keys.forEach((k, c) => {
      const m = sums[c];
      if (m) m.set(k, (m.get(k) ?? 0) + f.value);
    });
  const kept = sums.map(
    (m) =>
      new Set(
        [...m]
          .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
          .slice(0, m.size > most + 1 ? most : most + 1)
          .map(([k]) => k),
      ),
  );
  const keyOf = (f: Flow, c: number) => {
    const k = f.keys[c] ?? '';
    return kept[c]?.has(k) ? k : OTHER;
  };
  const total = flows.reduce((n, f) => n + f.value, 0);
  if (total <= 0) return { nodes: [], links: [] };
  const values: Map<string, number>[] = Array.from({ length: columns }, () => new Map());
  for (const f of flows)
    for (let c = 0; c < columns; c++) {
      const m = values[c] as Map<string, number>;
      const k = keyOf(f, c);
      m.set(k, (m.get(k) ?? 0) + f.value);
    }
  const rows = Math.max(...values.map((m) => m.size));
  const scale = Math.max(0, height - gap * (rows - 1)) / total;
  const nodes: Node[] = [];
  const at: Map<string, Node>[] = Array.from({ length: columns }, () => new Map());
  values.forEach((m, c) => {
    const order = [...m].sort(
      (a, b) => Number(a[0] === OTHER) - Number(b[0] === OTHER) || b[1] - a[1] || a[0].localeCompare(b[0]),
    );
    let y = (height - total * scale - gap * (order.length - 1)) / 2;
    for (const [key, value] of order) {
      const n = { column: c, key, value, y, height: value * scale };
      nodes.push(n);
      at[c]?.set(key, n);
      y += n.height + gap;
    }
  });
  const links: Link[] = [];
  for (let c = 0; c + 1 < columns; c++) {
    const between = new Map<string, { from: Node; to: Node; value: number }>();
    for (const f of flows) {
      const from = at[c]?.get(keyOf(f, c));
      const to = at[c + 1]?.get(keyOf(f, c + 1));
      if (!from || !to) continue;
      const id = `${from.key}\n${to.key}`;
      const l = between.get(id) ?? { from, to, value: 0 };
      l.value += f.value;
      between.set(id, l);
    }
    // Links leave and arrive in the order of the nodes at the other end, so that few cross.
    const all = [...between.values()];
    const out = new Map<Node, number>();
    const into = new Map<Node, number>();
    const made = new Map<(typeof all)[number], Link>();
    for (const l of [...all].sort((a, b) => a.from.y - b.from.y || a.to.y - b.to.y)) {
      const y0 = l.from.y + (out.get(l.from) ?? 0);
      out.set(l.from, (out.get(l.from) ?? 0) + l.value * scale);
      const link = { column: c, from: l.from.key, to: l.to.key, value: l.value, y0, y1: 0, height: l.value * scale };
      made.set(l, link);
      links.push(link);
    }
    for (const l of [...all].sort((a, b) => a.to.y - b.to.y || a.from.y - b.from.y)) {
      const link = made.get(l) as Link;
      link.y1 = l.to.y + (into.get(l.to) ?? 0);
      into.set(l.to, (into.get(l.to) ?? 0) + l.value * scale);
    }
  }
  return { nodes, links };
}
