import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { byUnit } from '@/lib/format';
import { absolute, useZone, type ZoneMode } from '@/lib/time';
import classes from './metric.module.css';
import { align, type Line, stacked } from './model';
import type { Mark } from './queries';

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A line with its look. */
export interface Drawn {
  line: Line;
  name: string;
  /** 1 to 8. */
  color: number;
}

export interface GraphProps {
  name: string;
  drawn: Drawn[];
  unit?: string;
  height: number;
  range: { from: number; to: number };
  log?: boolean;
  stack?: boolean;
  marks: Mark[];
  onZoom: (from: number, to: number) => void;
}

function labels(times: number[], step: number, zone: ZoneMode): string[] {
  let day = '';
  return times.map((t) => {
    const a = absolute(t * 1000, zone);
    const d = a.slice(5, 10);
    const text = step >= 86_400 || (day && d !== day) ? d : a.slice(11, step < 60 ? 19 : 16);
    day = d;
    return text;
  });
}

/** The lines over time, with the values under the cursor. Drag over a part to look at that part. */
export function Graph(p: GraphProps) {
  const box = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('dark');
  const zone = useZone();
  const latest = useRef(p);
  latest.current = p;
  const { drawn, height, log, stack, unit, marks } = p;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the range is read while drawing; scheme and zone are drawn into the canvas
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const { x, y } = align(drawn.map((d) => d.line));
    const shown = stack ? stacked(y) : y;
    const u = new uPlot(options(el, latest, tip, zone, y), [x, ...shown] as uPlot.AlignedData, el);
    const ro = new ResizeObserver(() => {
      if (el.clientWidth && u.width !== el.clientWidth) u.setSize({ width: el.clientWidth, height });
    });
    ro.observe(el);
    return () => {
      ro.disconnect();
      u.destroy();
    };
  }, [drawn, height, log, stack, unit, marks, scheme, zone]);

  return (
    <div className={classes.graph}>
      <div ref={box} style={{ height }} role="img" aria-label={p.name} />
      <div ref={tip} className={classes.tip} aria-hidden="true" hidden />
    </div>
  );
}

function options(
  el: HTMLElement,
  latest: { current: GraphProps },
  tip: { current: HTMLDivElement | null },
  zone: ZoneMode,
  raw: (number | null)[][],
): uPlot.Options {
  const { drawn, unit, height, log, stack } = latest.current;
  const axis: uPlot.Axis = {
    stroke: css('--tx-3'),
    grid: { stroke: css('--line'), width: 1 },
    ticks: { show: false },
    font: "10px 'Inter Variable', sans-serif",
  };
  const color = (d: Drawn) => css(`--s${d.color}`);
  return {
    width: el.clientWidth,
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 5 }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: () => [latest.current.range.from, latest.current.range.to] },
      y: log
        ? { distr: 3, range: (_u, lo, hi) => (lo > 0 ? [lo / 1.3, hi * 1.3] : [0.1, 1]) }
        : {
            range: (_u, lo, hi) => {
              const top = hi ?? 0;
              const low = Math.min(0, lo ?? 0);
              return [low * 1.1, top > 0 ? top * 1.1 : low < 0 ? 0 : 1];
            },
          },
    },
    axes: [
      { ...axis, size: 24, space: 64, values: (_u, v, _a, _s, step) => labels(v, step, zone) },
      { ...axis, size: 64, space: 30, values: (_u, v) => v.map((n) => (n === null ? '' : byUnit(n, unit))) },
    ],
    series: [
      {},
      ...drawn.map((d) => ({
        label: d.name,
        stroke: color(d),
        alpha: d.line.ghost ? 0.65 : 1,
        width: d.line.ghost ? 1.2 : 1.5,
        dash: d.line.ghost ? [5, 4] : undefined,
        fill: stack && !d.line.ghost ? `${color(d)}55` : undefined,
        // A single sample has no line to be seen by.
        points: { show: d.line.x.length === 1, size: 6, fill: color(d) },
        spanGaps: false,
      })),
    ],
    bands: stack ? drawn.slice(1).map((_, i) => ({ series: [i + 2, i + 1] as [number, number] })) : undefined,
    hooks: {
      draw: [(u) => drawMarks(u, latest.current)],
      setCursor: [(u) => showTip(u, latest.current, tip.current, raw, zone)],
      setSelect: [
        (u) => {
          if (u.select.width < 8) return;
          const from = u.posToVal(u.select.left, 'x');
          const to = u.posToVal(u.select.left + u.select.width, 'x');
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom(from, to);
        },
      ],
    },
  };
}

const tone = (m: Mark) => css(m.kind === 'incident' ? '--st-down' : '--accent');

function drawMarks(u: uPlot, p: GraphProps): void {
  const { top, height } = u.bbox;
  u.ctx.save();
  u.ctx.setLineDash([3, 3]);
  u.ctx.lineWidth = devicePixelRatio;
  for (const m of p.marks) {
    const x = Math.round(u.valToPos(m.at, 'x', true));
    u.ctx.strokeStyle = u.ctx.fillStyle = tone(m);
    u.ctx.beginPath();
    u.ctx.moveTo(x, top);
    u.ctx.lineTo(x, top + height);
    u.ctx.stroke();
    u.ctx.beginPath();
    const r = 4 * devicePixelRatio;
    u.ctx.moveTo(x - r, top);
    u.ctx.lineTo(x + r, top);
    u.ctx.lineTo(x, top + r * 1.4);
    u.ctx.fill();
  }
  u.ctx.restore();
}

const MOST = 12;

// Written straight into the page: this runs on each move of the mouse.
function showTip(u: uPlot, p: GraphProps, tip: HTMLDivElement | null, raw: (number | null)[][], zone: ZoneMode): void {
  if (!tip) return;
  const i = u.cursor.idx;
  const left = u.cursor.left ?? -1;
  if (i === null || i === undefined || left < 0) {
    tip.hidden = true;
    return;
  }
  const rows = p.drawn
    .map((d, n) => ({ d, v: raw[n]?.[i] ?? null }))
    .filter((r): r is { d: Drawn; v: number } => r.v !== null);
  rows.sort((a, b) => b.v - a.v);
  const head = document.createElement('b');
  head.className = 'num';
  head.textContent = absolute((u.data[0]?.[i] ?? 0) * 1000, zone);
  const items: HTMLElement[] = [head];
  for (const m of p.marks.filter((m) => Math.abs(u.valToPos(m.at, 'x') - left) < 6).slice(0, 3)) {
    const e = document.createElement('em');
    e.textContent = m.text;
    e.dataset.kind = m.kind;
    items.push(e);
  }
  for (const { d, v } of rows.slice(0, MOST)) {
    const row = document.createElement('span');
    const dot = document.createElement('i');
    dot.style.background = `var(--s${d.color})`;
    if (d.line.ghost) dot.style.opacity = '0.5';
    const name = document.createElement('span');
    name.textContent = d.line.ghost ? `${d.name} (earlier)` : d.name;
    const value = document.createElement('b');
    value.className = 'num';
    value.textContent = byUnit(v, p.unit);
    row.append(dot, name, value);
    items.push(row);
  }
  if (rows.length > MOST) {
    const more = document.createElement('small');
    more.textContent = `and ${rows.length - MOST} more`;
    items.push(more);
  }
  tip.replaceChildren(...items);
  tip.hidden = false;
  const over = u.over.getBoundingClientRect();
  const room = over.width - left;
  const offset = u.over.offsetLeft;
  tip.style.left = room > 340 || room > left ? `${offset + left + 14}px` : '';
  tip.style.right = room > 340 || room > left ? '' : `${room + 30}px`;
}
