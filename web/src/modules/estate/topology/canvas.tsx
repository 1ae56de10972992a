// biome-ignore-all lint/style/noNonNullAssertion: indexes run inside the length of the arrays
import { useElementSize } from '@mantine/hooks';
import { type KeyboardEvent, type PointerEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type Camera, draw, readColors } from './draw';
import { graphOf, type Pins, type Scene, towards } from './scene';
import classes from './topology.module.css';

/** Asks the worker for positions. Those of the picture before stay while it works. */
export function useLayout(scene: Scene, layered: boolean, key: string) {
  const [done, setDone] = useState<{ key: string; scene: Scene; xy: Float32Array; ms: number }>();
  const last = useRef(done);
  last.current = done;
  const worker = useRef<Worker>(undefined);
  useEffect(() => {
    worker.current = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    return () => worker.current?.terminate();
  }, []);
  useEffect(() => {
    const w = worker.current;
    if (!w) return;
    const before = last.current;
    if (before?.key === key && before.scene !== scene) {
      setDone({ ...before, scene, xy: keep(before.scene, before.xy, scene) });
      return;
    }
    let stale = false;
    w.onmessage = (m: MessageEvent<{ xy: Float32Array; ms: number }>) => {
      if (!stale) setDone({ key, scene, xy: m.data.xy, ms: m.data.ms });
    };
    w.postMessage({ id: 0, layered, graph: graphOf(scene) });
    return () => {
      stale = true;
    };
  }, [scene, layered, key]);
  return done;
}

/** New data, the same view: what was there stays in place, what is new comes beside a neighbor. */
export function keep(old: Scene, xy: Float32Array, next: Scene): Float32Array {
  const out = new Float32Array(2 * next.shapes.length);
  const placed = next.shapes.map((s, i) => {
    const was = old.index.get(s.id);
    if (was === undefined) return false;
    out[2 * i] = xy[2 * was] ?? 0;
    out[2 * i + 1] = xy[2 * was + 1] ?? 0;
    return true;
  });
  next.shapes.forEach((_, i) => {
    if (placed[i]) return;
    const l = next.lines.find((x) => (x.a === i && placed[x.b]) || (x.b === i && placed[x.a]));
    const by = l ? (l.a === i ? l.b : l.a) : -1;
    out[2 * i] = (by < 0 ? 0 : (out[2 * by] ?? 0)) + Math.cos(i * 2.4) * 40;
    out[2 * i + 1] = (by < 0 ? 0 : (out[2 * by + 1] ?? 0)) + Math.sin(i * 2.4) * 40;
  });
  return out;
}

export interface CanvasProps {
  scene: Scene;
  xy: Float32Array;
  layered: boolean;
  selected: string | undefined;
  pins: Pins;
  /** Changes when the map shall be shown whole. */
  fitKey: string;
  fly: { id: string; n: number } | undefined;
  onSelect: (id: string | undefined) => void;
  onPin: (id: string, at: [number, number]) => void;
  onOpen: (id: string) => void;
}

export function Canvas(p: CanvasProps) {
  const { ref: box, width, height } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const camera = useRef<Camera>({ x: 0, y: 0, k: 1 });
  const moving = useRef(0);
  const frame = useRef(0);
  const props = useRef(p);
  props.current = p;
  const size = useRef({ width, height });
  size.current = { width, height };
  const xy = useMemo(() => {
    const out = p.xy.slice();
    p.scene.shapes.forEach((s, i) => {
      const pin = p.pins[s.id];
      if (pin) [out[2 * i], out[2 * i + 1]] = pin;
    });
    return out;
  }, [p.xy, p.scene, p.pins]);
  const positions = useRef(xy);
  positions.current = xy;

  const paint = useCallback(() => {
    frame.current = 0;
    const el = canvas.current;
    const c = el?.getContext('2d');
    if (!el || !c || !size.current.width) return;
    const { scene, selected, layered, pins } = props.current;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const w = Math.round(size.current.width * ratio);
    const h = Math.round(size.current.height * ratio);
    if (el.width !== w || el.height !== h) {
      el.width = w;
      el.height = h;
    }
    const at = selected === undefined ? -1 : (scene.index.get(selected) ?? -1);
    const near = new Set<number>();
    if (at >= 0) for (const l of scene.lines) if (l.a === at || l.b === at) near.add(l.a === at ? l.b : l.a);
    draw(c, {
      scene,
      xy: positions.current,
      camera: camera.current,
      ...size.current,
      ratio,
      colors: readColors(el),
      selected: at,
      near,
      pinned: new Set(Object.keys(pins)),
      moving: performance.now() - moving.current < 120,
      directed: layered,
    });
    el.dataset.frames = String(Number(el.dataset.frames ?? 0) + 1);
  }, []);
  const again = useCallback(() => {
    frame.current ||= requestAnimationFrame(paint);
  }, [paint]);
  const settle = useRef<ReturnType<typeof setTimeout>>(undefined);
  const move = useCallback(() => {
    moving.current = performance.now();
    clearTimeout(settle.current);
    settle.current = setTimeout(again, 150);
    again();
  }, [again]);

  const showAll = useCallback(() => {
    const q = positions.current;
    let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
    props.current.scene.shapes.forEach((s, i) => {
      x0 = Math.min(x0, (q[2 * i] ?? 0) - s.radius);
      x1 = Math.max(x1, (q[2 * i] ?? 0) + s.radius);
      y0 = Math.min(y0, (q[2 * i + 1] ?? 0) - s.radius);
      y1 = Math.max(y1, (q[2 * i + 1] ?? 0) + s.radius);
    });
    if (x1 < x0) return;
    const { width: w, height: h } = size.current;
    camera.current = {
      x: (x0 + x1) / 2,
      y: (y0 + y1) / 2,
      k: Math.max(0.02, Math.min(1.6, (w - 60) / (x1 - x0), (h - 80) / (y1 - y0))),
    };
    again();
  }, [again]);
  const zoom = useCallback(
    (by: number, sx = size.current.width / 2, sy = size.current.height / 2) => {
      const v = camera.current;
      const k = Math.max(0.02, Math.min(6, v.k * by));
      const wx = (sx - size.current.width / 2) / v.k + v.x;
      const wy = (sy - size.current.height / 2) / v.k + v.y;
      camera.current = { k, x: wx - (sx - size.current.width / 2) / k, y: wy - (sy - size.current.height / 2) / k };
      move();
    },
    [move],
  );
  const reveal = useCallback(
    (i: number, close: boolean) => {
      const v = camera.current;
      camera.current = {
        x: positions.current[2 * i] ?? 0,
        y: positions.current[2 * i + 1] ?? 0,
        k: close ? Math.max(v.k, 1) : v.k,
      };
      move();
    },
    [move],
  );

  const fitted = useRef('');
  useEffect(() => {
    const k = `${p.fitKey}`;
    if (width && fitted.current !== k) {
      fitted.current = k;
      showAll();
    }
  }, [p.fitKey, width, showAll]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever is drawn may have changed
  useEffect(again, [again, xy, p.scene, p.selected, p.pins, width, height]);
  useEffect(() => {
    const i = p.fly && props.current.scene.index.get(p.fly.id);
    if (i !== undefined) reveal(i, true);
  }, [p.fly, reveal]);
  useEffect(() => {
    const o = new MutationObserver(again);
    o.observe(document.documentElement, { attributes: true, attributeFilter: ['data-mantine-color-scheme'] });
    return () => o.disconnect();
  }, [again]);
  useEffect(() => {
    const el = canvas.current;
    if (!el) return;
    const wheel = (e: WheelEvent) => {
      e.preventDefault();
      const b = el.getBoundingClientRect();
      zoom(Math.exp(-e.deltaY * 0.0015), e.clientX - b.left, e.clientY - b.top);
    };
    el.addEventListener('wheel', wheel, { passive: false });
    return () => el.removeEventListener('wheel', wheel);
  }, [zoom]);

  const hit = (sx: number, sy: number): number => {
    const v = camera.current;
    const x = (sx - size.current.width / 2) / v.k + v.x;
    const y = (sy - size.current.height / 2) / v.k + v.y;
    let best = -1;
    let nearest = Infinity;
    p.scene.shapes.forEach((s, i) => {
      const d = Math.hypot((positions.current[2 * i] ?? 0) - x, (positions.current[2 * i + 1] ?? 0) - y);
      if (d < Math.max(s.radius, 9 / v.k) && d < nearest) {
        nearest = d;
        best = i;
      }
    });
    return best;
  };

  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const drag = useRef<{ node: number; moved: boolean }>(undefined);
  const place = (e: PointerEvent) => {
    const b = (e.target as Element).getBoundingClientRect();
    return { x: e.clientX - b.left, y: e.clientY - b.top };
  };
  const onDown = (e: PointerEvent<HTMLCanvasElement>) => {
    e.currentTarget.setPointerCapture(e.pointerId);
    const at = place(e);
    fingers.current.set(e.pointerId, at);
    drag.current = { node: fingers.current.size === 1 ? hit(at.x, at.y) : -1, moved: fingers.current.size > 1 };
  };
  const onMove = (e: PointerEvent<HTMLCanvasElement>) => {
    const was = fingers.current.get(e.pointerId);
    if (!was) return;
    const at = place(e);
    const d = drag.current;
    if (!d || (!d.moved && Math.hypot(at.x - was.x, at.y - was.y) < 4)) return;
    d.moved = true;
    const other = [...fingers.current].find(([id]) => id !== e.pointerId)?.[1];
    fingers.current.set(e.pointerId, at);
    const v = camera.current;
    if (other) {
      const by = Math.hypot(at.x - other.x, at.y - other.y) / (Math.hypot(was.x - other.x, was.y - other.y) || 1);
      zoom(by, (at.x + other.x) / 2, (at.y + other.y) / 2);
    } else if (d.node >= 0) {
      positions.current[2 * d.node]! += (at.x - was.x) / v.k;
      positions.current[2 * d.node + 1]! += (at.y - was.y) / v.k;
    } else camera.current = { ...v, x: v.x - (at.x - was.x) / v.k, y: v.y - (at.y - was.y) / v.k };
    move();
  };
  const onUp = (e: PointerEvent<HTMLCanvasElement>) => {
    fingers.current.delete(e.pointerId);
    const d = drag.current;
    if (fingers.current.size || !d) return;
    drag.current = undefined;
    const s = p.scene.shapes[d.node];
    if (d.moved && s) p.onPin(s.id, [positions.current[2 * d.node] ?? 0, positions.current[2 * d.node + 1] ?? 0]);
    else if (!d.moved) p.onSelect(s?.id);
  };
  const onKey = (e: KeyboardEvent) => {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    const at = p.selected === undefined ? -1 : (p.scene.index.get(p.selected) ?? -1);
    if (arrow) {
      const [dx = 0, dy = 0] = arrow;
      const to = at < 0 ? 0 : towards(p.scene, positions.current, at, dx, dy);
      const s = to === undefined ? undefined : p.scene.shapes[to];
      if (s && to !== undefined) {
        p.onSelect(s.id);
        reveal(to, false);
      }
    } else if (e.key === '+' || e.key === '=') zoom(1.3);
    else if (e.key === '-') zoom(1 / 1.3);
    else if (e.key === '0') showAll();
    else if (e.key === 'Enter' && p.selected) p.onOpen(p.selected);
    else if (e.key === 'Escape') p.onSelect(undefined);
    else return;
    e.preventDefault();
  };
  const now = p.selected === undefined ? undefined : p.scene.shapes[p.scene.index.get(p.selected) ?? -1];
  return (
    <div ref={box} className={classes.box}>
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the map is an application with its own keys */}
      <canvas
        ref={canvas}
        className={classes.canvas}
        tabIndex={0}
        role="application"
        aria-label={`Map of ${p.scene.shapes.length} nodes. Arrows go to neighbors, plus and minus zoom, 0 shows all. The table shows the same.`}
        onPointerDown={onDown}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerCancel={onUp}
        onDoubleClick={(e) => {
          const b = e.currentTarget.getBoundingClientRect();
          const s = p.scene.shapes[hit(e.clientX - b.left, e.clientY - b.top)];
          if (s) p.onOpen(s.id);
        }}
        onKeyDown={onKey}
      />
      <span className="vh" aria-live="polite">
        {now && `${now.label}, ${now.kind}, ${now.state || 'not watched'}`}
      </span>
      <div className={classes.zoom}>
        <button type="button" aria-label="Zoom in" onClick={() => zoom(1.4)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => zoom(1 / 1.4)}>
          −
        </button>
        <button type="button" aria-label="Show all" onClick={showAll}>
          0
        </button>
      </div>
    </div>
  );
}
