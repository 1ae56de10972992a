import type { Scene, Shape } from './scene';

export interface Camera {
  x: number;
  y: number;
  k: number;
}

export interface Colors {
  [token: string]: string;
}

const TOKENS = [
  'bg-0',
  'bg-2',
  'line-strong',
  'tx-0',
  'tx-2',
  'tx-3',
  'accent',
  'st-ok',
  'st-warn',
  'st-down',
  'st-unknown',
];

export function readColors(el: Element): Colors {
  const css = getComputedStyle(el);
  return Object.fromEntries(TOKENS.map((t) => [t, css.getPropertyValue(`--${t}`).trim()]));
}

export const tokenOf = (state: string) =>
  ({ ok: 'st-ok', warning: 'st-warn', critical: 'st-down', unknown: 'st-unknown' })[state] ?? 'tx-3';

/** The sign of a state inside a node: color is never the only signal. */
const SIGN: Record<string, string> = { warning: '!', critical: '×', unknown: '?' };

function outline(c: Path2D, s: Shape, x: number, y: number, r: number) {
  if (s.kind === 'network_device') c.rect(x - r, y - r, 2 * r, 2 * r);
  else if (s.kind === 'subnet') {
    c.moveTo(x, y - r * 1.3);
    c.lineTo(x + r * 1.3, y);
    c.lineTo(x, y + r * 1.3);
    c.lineTo(x - r * 1.3, y);
    c.closePath();
  } else {
    c.moveTo(x + r, y);
    c.arc(x, y, r, 0, 2 * Math.PI);
  }
}

export interface Frame {
  scene: Scene;
  xy: Float32Array;
  camera: Camera;
  width: number;
  height: number;
  ratio: number;
  colors: Colors;
  selected: number;
  near: ReadonlySet<number>;
  pinned: ReadonlySet<string>;
  /** Draw no labels but those of the largest: the map is moving. */
  moving: boolean;
  directed: boolean;
}

/** Draws one picture. Only what is in sight is drawn; small things are drawn simply. */
export function draw(c: CanvasRenderingContext2D, f: Frame): void {
  const { scene, xy, camera: v, colors } = f;
  c.setTransform(f.ratio, 0, 0, f.ratio, 0, 0);
  c.clearRect(0, 0, f.width, f.height);
  const px = (i: number) => ((xy[2 * i] ?? 0) - v.x) * v.k + f.width / 2;
  const py = (i: number) => ((xy[2 * i + 1] ?? 0) - v.y) * v.k + f.height / 2;
  const seen: number[] = [];
  for (let i = 0; i < scene.shapes.length; i++) {
    const r = (scene.shapes[i] as Shape).radius * v.k + 4;
    const x = px(i);
    const y = py(i);
    if (x > -r && y > -r && x < f.width + r && y < f.height + r) seen.push(i);
  }
  drawGroups(c, f, px, py);
  const plain = new Path2D();
  const dashed = new Path2D();
  const down = new Path2D();
  const chosen = new Path2D();
  for (const l of scene.lines) {
    const ax = px(l.a);
    const ay = py(l.a);
    const bx = px(l.b);
    const by = py(l.b);
    if (Math.max(ax, bx) < 0 || Math.max(ay, by) < 0 || Math.min(ax, bx) > f.width || Math.min(ay, by) > f.height)
      continue;
    const path =
      l.a === f.selected || l.b === f.selected ? chosen : l.stale || l.proposed ? dashed : l.down ? down : plain;
    path.moveTo(ax, ay);
    path.lineTo(bx, by);
  }
  c.lineWidth = 1;
  c.strokeStyle = colors['line-strong'] ?? '';
  c.stroke(plain);
  c.setLineDash([5, 4]);
  c.strokeStyle = colors['tx-3'] ?? '';
  c.stroke(dashed);
  c.setLineDash([]);
  c.lineWidth = 1.5;
  c.strokeStyle = colors['st-down'] ?? '';
  c.stroke(down);
  c.lineWidth = 2;
  c.strokeStyle = colors.accent ?? '';
  c.stroke(chosen);
  if (f.directed && !f.moving && v.k > 0.25) drawArrows(c, f, px, py);
  const fills = new Map<string, Path2D>();
  const hollow = new Path2D();
  for (const i of seen) {
    const s = scene.shapes[i] as Shape;
    const r = Math.max(1.6, s.radius * v.k);
    const token = tokenOf(s.state);
    if (s.kind === 'unknown') {
      outline(hollow, s, px(i), py(i), r);
      continue;
    }
    let path = fills.get(token);
    if (!path) {
      path = new Path2D();
      fills.set(token, path);
    }
    // A dot of three points needs no curve.
    if (r < 3) path.rect(px(i) - r, py(i) - r, 2 * r, 2 * r);
    else outline(path, s, px(i), py(i), r);
  }
  for (const [token, path] of fills) {
    c.fillStyle = colors[token] ?? '';
    c.fill(path);
  }
  c.setLineDash([3, 2]);
  c.lineWidth = 1.2;
  c.strokeStyle = colors['tx-2'] ?? '';
  c.stroke(hollow);
  c.setLineDash([]);
  marks(c, f, seen, px, py);
  labels(c, f, seen, px, py);
}

function drawGroups(c: CanvasRenderingContext2D, f: Frame, px: (i: number) => number, py: (i: number) => number) {
  if (!f.scene.groups.length || f.directed) return;
  const boxes = f.scene.groups.map(() => ({ x: 0, y: 0, n: 0, r: 0 }));
  const open = (s: Shape) => s.group >= 0 && !s.count;
  f.scene.shapes.forEach((s, i) => {
    const b = boxes[s.group];
    if (!b || !open(s)) return;
    b.x += px(i);
    b.y += py(i);
    b.n++;
  });
  for (const b of boxes) {
    b.x /= b.n || 1;
    b.y /= b.n || 1;
  }
  f.scene.shapes.forEach((s, i) => {
    const b = boxes[s.group];
    if (b && open(s)) b.r = Math.max(b.r, Math.hypot(px(i) - b.x, py(i) - b.y) + (s.radius + 8) * f.camera.k);
  });
  c.textAlign = 'center';
  c.font = '600 12px "Inter Variable", sans-serif';
  boxes.forEach((b) => {
    if (!b.n) return;
    c.beginPath();
    c.arc(b.x, b.y, b.r, 0, 2 * Math.PI);
    c.fillStyle = f.colors['bg-2'] ?? '';
    c.fill();
    c.lineWidth = 1;
    c.strokeStyle = f.colors['line-strong'] ?? '';
    c.stroke();
  });
  // Names come after all discs, so that no disc covers one.
  boxes.forEach((b, g) => {
    if (b.n && b.r > 24) {
      c.fillStyle = f.colors['tx-2'] ?? '';
      c.fillText(f.scene.groups[g] ?? '', b.x, b.y - b.r - 5);
    }
  });
}

function drawArrows(c: CanvasRenderingContext2D, f: Frame, px: (i: number) => number, py: (i: number) => number) {
  c.fillStyle = f.colors['tx-3'] ?? '';
  c.beginPath();
  for (const l of f.scene.lines) {
    const x = px(l.b);
    const y = py(l.b);
    if (x < 0 || y < 0 || x > f.width || y > f.height) continue;
    const a = Math.atan2(y - py(l.a), x - px(l.a));
    const r = ((f.scene.shapes[l.b] as Shape).radius + 2) * f.camera.k;
    const tx = x - Math.cos(a) * r;
    const ty = y - Math.sin(a) * r;
    c.moveTo(tx, ty);
    c.lineTo(tx - Math.cos(a - 0.4) * 7, ty - Math.sin(a - 0.4) * 7);
    c.lineTo(tx - Math.cos(a + 0.4) * 7, ty - Math.sin(a + 0.4) * 7);
    c.closePath();
  }
  c.fill();
}

function marks(
  c: CanvasRenderingContext2D,
  f: Frame,
  seen: number[],
  px: (i: number) => number,
  py: (i: number) => number,
) {
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  for (const i of seen) {
    const s = f.scene.shapes[i] as Shape;
    const r = s.radius * f.camera.k;
    const text = s.count ? String(s.count) : SIGN[s.state];
    if (text && r > 6) {
      c.font = `700 ${Math.min(14, r * 1.3)}px "Inter Variable", sans-serif`;
      c.fillStyle = f.colors['bg-0'] ?? '';
      c.fillText(text, px(i), py(i) + 0.5);
    }
    if (i === f.selected || f.pinned.has(s.id)) {
      c.beginPath();
      c.arc(px(i), py(i), r + 4, 0, 2 * Math.PI);
      c.lineWidth = i === f.selected ? 2 : 1;
      c.strokeStyle = f.colors[i === f.selected ? 'accent' : 'tx-2'] ?? '';
      c.stroke();
    }
  }
  c.textBaseline = 'alphabetic';
}

function labels(
  c: CanvasRenderingContext2D,
  f: Frame,
  seen: number[],
  px: (i: number) => number,
  py: (i: number) => number,
) {
  const first = (i: number) => {
    const s = f.scene.shapes[i] as Shape;
    return (
      (i === f.selected ? 1e6 : 0) +
      (f.near.has(i) ? 1e5 : 0) +
      (s.count ? 1e4 : 0) +
      (s.state === 'critical' ? 50 : 0) +
      s.radius
    );
  };
  const order = seen.filter(
    (i) =>
      (f.scene.shapes[i] as Shape).radius * f.camera.k > 4.5 || i === f.selected || (f.scene.shapes[i] as Shape).count,
  );
  order.sort((a, b) => first(b) - first(a) || a - b);
  // A label stands only where no other one does; the cells that it takes are marked.
  const taken = new Set<number>();
  c.font = '11px "Inter Variable", sans-serif';
  c.textAlign = 'center';
  c.lineWidth = 3;
  c.strokeStyle = f.colors['bg-0'] ?? '';
  c.fillStyle = f.colors['tx-0'] ?? '';
  const most = f.moving ? 40 : 400;
  let n = 0;
  for (const i of order) {
    if (n >= most) break;
    const s = f.scene.shapes[i] as Shape;
    const text = s.label.length > 26 ? `${s.label.slice(0, 25)}…` : s.label;
    const x = px(i);
    const y = py(i) + s.radius * f.camera.k + 12;
    const half = text.length * 3.1 + 3;
    const cells: number[] = [];
    for (let cx = Math.floor((x - half) / 12); cx <= Math.floor((x + half) / 12); cx++)
      cells.push(cx * 4096 + Math.floor(y / 14));
    if (cells.some((k) => taken.has(k))) continue;
    for (const k of cells) taken.add(k);
    c.strokeText(text, x, y);
    c.fillText(text, x, y);
    n++;
  }
}

const esc = (s: string) => s.replace(/[&<>"]/g, (m) => `&#${m.charCodeAt(0)};`);

/** The whole map as SVG, in colors that print. */
export function svg(scene: Scene, xy: Float32Array): string {
  const tone: Record<string, string> = {
    'st-ok': '#35917f',
    'st-warn': '#bd7c03',
    'st-down': '#a5062a',
    'st-unknown': '#515764',
    'tx-3': '#8a929e',
  };
  let [x0, y0, x1, y1] = [0, 0, 1, 1];
  scene.shapes.forEach((s, i) => {
    x0 = Math.min(x0, (xy[2 * i] ?? 0) - s.radius - 60);
    x1 = Math.max(x1, (xy[2 * i] ?? 0) + s.radius + 60);
    y0 = Math.min(y0, (xy[2 * i + 1] ?? 0) - s.radius - 20);
    y1 = Math.max(y1, (xy[2 * i + 1] ?? 0) + s.radius + 30);
  });
  const at = (i: number) => [(xy[2 * i] ?? 0).toFixed(1), (xy[2 * i + 1] ?? 0).toFixed(1)];
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${x0.toFixed(0)} ${y0.toFixed(0)} ${(x1 - x0).toFixed(0)} ${(y1 - y0).toFixed(0)}" font-family="sans-serif" font-size="9" text-anchor="middle">`,
  ];
  for (const l of scene.lines) {
    const [ax, ay] = at(l.a);
    const [bx, by] = at(l.b);
    const dash = l.stale || l.proposed ? ' stroke-dasharray="5 4"' : '';
    out.push(`<line x1="${ax}" y1="${ay}" x2="${bx}" y2="${by}" stroke="${l.down ? '#a5062a' : '#9aa0ac'}"${dash}/>`);
  }
  scene.shapes.forEach((s, i) => {
    const [x, y] = at(i);
    const fill =
      s.kind === 'unknown' ? 'fill="#fff" stroke="#515764" stroke-dasharray="3 2"' : `fill="${tone[tokenOf(s.state)]}"`;
    out.push(
      s.kind === 'network_device'
        ? `<rect x="${Number(x) - s.radius}" y="${Number(y) - s.radius}" width="${2 * s.radius}" height="${2 * s.radius}" ${fill}/>`
        : `<circle cx="${x}" cy="${y}" r="${s.radius.toFixed(1)}" ${fill}/>`,
    );
    const sign = s.count ? String(s.count) : SIGN[s.state];
    if (sign) out.push(`<text x="${x}" y="${Number(y) + 3}" fill="#fff" font-weight="700">${sign}</text>`);
    out.push(`<text x="${x}" y="${Number(y) + s.radius + 10}" fill="#14171c">${esc(s.label)}</text>`);
  });
  return `${out.join('')}</svg>`;
}
