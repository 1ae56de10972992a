import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { byUnit } from '@/lib/format';
import { absolute, useZone, type ZoneMode } from '@/lib/time';
import classes from './chart.module.css';
import type { ChartData } from './chart-data';
import type { Tone } from './tone';

export interface ChartSeries {
  label: string;
  /** 1 to 8, by default its place. */
  color?: number;
  /** Filled below the line. */
  area?: boolean;
}

export interface ChartProps {
  /** Name for screen readers: "Response time of shop-http". */
  name: string;
  data: ChartData;
  series: readonly ChartSeries[];
  height?: number;
  /** As in byUnit: "seconds", "bytes", "percent", "ms". */
  unit?: string;
  /** Horizontal lines, for example a limit. */
  limits?: readonly { value: number; tone: Tone }[];
  /** Times marked behind the lines: outages, maintenance. In seconds. */
  spans?: readonly { from: number; to: number; tone: Tone }[];
  /** Ends of the time axis in seconds; by default the data's. */
  range?: { from: number; to: number };
  /** Charts with the same word share the cursor. */
  sync?: string;
  /** "hover" shows names and values only under the mouse, for charts whose heading says them. */
  legend?: 'hover';
  /** Series stand on each other; the legend shows each by itself. */
  stack?: boolean;
  /** Ends of the axis of values that the data may widen. */
  scale?: { min?: number; max?: number };
  /** The person has drawn over a time span. Seconds. */
  onZoom?: (from: number, to: number) => void;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const color = (s: ChartSeries, i: number) => `--s${(((s.color ?? i + 1) - 1) % 8) + 1}`;

// Labels of the time axis: the date where the day changes or days apart, else hours and minutes.
function axisLabels(times: number[], step: number, zone: ZoneMode): string[] {
  let day = '';
  return times.map((t) => {
    const a = absolute(t * 1000, zone);
    const d = a.slice(5, 10);
    const text = step >= 86_400 || (day && d !== day) ? d : a.slice(11, step < 60 ? 19 : 16);
    day = d;
    return text;
  });
}

/** A chart of series over time. It draws only while on screen, and its data never pass through React's state. */
export function LiveChart(p: ChartProps) {
  const { data, height = 180 } = p;
  const box = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('dark');
  const zone = useZone();
  const latest = useRef(p);
  latest.current = p;
  const plot = useRef<uPlot | undefined>(undefined);
  const shape = JSON.stringify([p.series, p.unit, p.sync, p.stack, p.scale]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: shape stands for the properties; scheme and zone are drawn into the canvas
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    let u: uPlot | undefined;
    let visible = false;
    const points = () => [data.x, ...(latest.current.stack ? stacked(data.y) : data.y)] as unknown as uPlot.AlignedData;
    const draw = () => {
      if (!visible || !el.clientWidth) return;
      if (u) u.setData(points());
      else {
        u = new uPlot(options(el, latest, legend, zone), points(), el);
        plot.current = u;
      }
      showValues(u, latest.current, legend.current);
    };
    const io = new IntersectionObserver(
      ([e]) => {
        visible = !!e?.isIntersecting;
        draw();
      },
      { rootMargin: '120px' },
    );
    io.observe(el);
    const ro = new ResizeObserver(() => {
      if (u && el.clientWidth && u.width !== el.clientWidth) u.setSize({ width: el.clientWidth, height });
    });
    ro.observe(el);
    const off = data.subscribe(draw);
    return () => {
      off();
      io.disconnect();
      ro.disconnect();
      u?.destroy();
      plot.current = undefined;
    };
  }, [data, shape, height, scheme, zone]);

  const marks = JSON.stringify([p.spans, p.limits, p.range]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: marks stands for what is read while drawing
  useEffect(() => {
    plot.current?.setData(plot.current.data);
  }, [marks]);

  return (
    <figure className={classes.figure} data-legend={p.legend}>
      <div ref={box} style={{ height }} role="img" aria-label={p.name} />
      <div ref={legend} className={classes.legend} aria-hidden="true">
        {p.series.map((s, i) => (
          <span key={s.label}>
            <i style={{ background: `var(${color(s, i)})` }} />
            {s.label} <b className="num" data-value={i} />
          </span>
        ))}
      </div>
    </figure>
  );
}

type Latest = { current: ChartProps };

// Values under the cursor, else the last ones. Written straight into the page: this runs on each move of the mouse.
function showValues(u: uPlot, p: ChartProps, legend: HTMLElement | null): void {
  const at = u.cursor.idx;
  for (let i = 0; i < p.series.length; i++) {
    const values = p.data.y[i];
    const v = at !== null && at !== undefined ? values?.[at] : values?.at(-1);
    const cell = legend?.querySelector(`[data-value="${i}"]`);
    if (cell) cell.textContent = v === null || v === undefined ? '' : byUnit(v, p.unit);
  }
}

function options(
  el: HTMLElement,
  latest: Latest,
  legend: { current: HTMLElement | null },
  zone: ZoneMode,
): uPlot.Options {
  const { series, unit, height = 180, sync, onZoom } = latest.current;
  const axis: uPlot.Axis = {
    stroke: css('--tx-3'),
    grid: { stroke: css('--line'), width: 1 },
    ticks: { show: false },
    font: "10px 'Inter Variable', sans-serif",
  };
  return {
    width: el.clientWidth,
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: {
      sync: sync ? { key: sync } : undefined,
      points: { size: 5 },
      drag: { x: !!onZoom, y: false, setScale: false },
    },
    scales: {
      x: {
        time: true,
        range: (_u, lo, hi) => {
          const r = latest.current.range;
          return r ? [r.from, r.to] : [lo, hi];
        },
      },
      y: {
        range: (_u, lo, hi) => {
          const top = Math.max(hi ?? 0, ...(latest.current.limits ?? []).map((l) => l.value));
          const { min = 0, max = Number.NEGATIVE_INFINITY } = latest.current.scale ?? {};
          return [Math.min(min, lo ?? min), Math.max(top > 0 && top > max ? top * 1.1 : max, top > 0 ? 0 : 1, max)];
        },
      },
    },
    bands: latest.current.stack
      ? series.slice(1).map((_, i) => ({ series: [i + 2, i + 1] as [number, number] }))
      : undefined,
    axes: [
      { ...axis, size: 22, space: 64, values: (_u, v, _a, _s, step) => axisLabels(v, step, zone) },
      { ...axis, size: 58, space: 28, values: (_u, v) => v.map((n) => byUnit(n, unit)) },
    ],
    series: [
      {},
      ...series.map((s, i) => ({
        label: s.label,
        stroke: css(color(s, i)),
        fill: s.area ? `${css(color(s, i))}22` : undefined,
        width: 1.4,
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      drawClear: [(u) => drawSpans(u, latest.current)],
      draw: [(u) => drawLimits(u, latest.current)],
      setCursor: [(u) => showValues(u, latest.current, legend.current)],
      setSelect: [
        (u) => {
          if (u.select.width < 8) return;
          const from = u.posToVal(u.select.left, 'x');
          const to = u.posToVal(u.select.left + u.select.width, 'x');
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom?.(from, to);
        },
      ],
    },
  };
}

/** Each series on top of those before it; a gap counts as nothing, where another one has a value. */
export function stacked(ys: readonly (number | null)[][]): (number | null)[][] {
  const sum: number[] = [];
  return ys.map((y) =>
    y.map((v, i) => {
      if (v === null) return sum[i] === undefined ? null : (sum[i] as number);
      sum[i] = (sum[i] ?? 0) + v;
      return sum[i] as number;
    }),
  );
}

function drawSpans(u: uPlot, p: ChartProps): void {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.globalAlpha = 0.14;
  for (const s of p.spans ?? []) {
    const a = Math.max(left, u.valToPos(s.from, 'x', true));
    const b = Math.min(left + width, u.valToPos(s.to, 'x', true));
    if (b <= a) continue;
    u.ctx.fillStyle = css(s.tone === 'plain' ? '--tx-3' : `--st-${s.tone}`);
    u.ctx.fillRect(a, top, Math.max(b - a, 1), height);
  }
  u.ctx.restore();
}

function drawLimits(u: uPlot, p: ChartProps): void {
  const { left, width } = u.bbox;
  u.ctx.save();
  u.ctx.setLineDash([4, 4]);
  for (const l of p.limits ?? []) {
    const y = Math.round(u.valToPos(l.value, 'y', true));
    u.ctx.strokeStyle = css(l.tone === 'plain' ? '--tx-3' : `--st-${l.tone}`);
    u.ctx.beginPath();
    u.ctx.moveTo(left, y);
    u.ctx.lineTo(left + width, y);
    u.ctx.stroke();
  }
  u.ctx.restore();
}
