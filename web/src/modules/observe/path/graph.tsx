import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { absolute, useZone } from '@/lib/time';
import { dragged, lossText, ms, niceTop, partAt, topOf } from './model';
import classes from './path.module.css';
import type { Timeline } from './queries';

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export interface Mark {
  at: string;
  kind: 'route' | 'comment';
  text: string;
}

/** A timeline on a canvas: range and mean of the answers, loss as red bars, marks, and a window by dragging. */
export function Graph({
  name,
  data,
  from,
  to,
  height,
  marks = [],
  axis,
  onWindow,
}: {
  name: string;
  data: Timeline;
  from?: string;
  to?: string;
  height: number;
  marks?: readonly Mark[];
  /** With a scale and times. */
  axis?: boolean;
  onWindow?: (from: string, to: string) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme('dark');
  const zone = useZone();
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState<number>();
  const [drag, setDrag] = useState<[number, number]>();
  const begin = from ? new Date(from).getTime() : 0;
  const end = to ? new Date(to).getTime() : 0;
  useEffect(() => {
    const el = canvas.current?.parentElement;
    if (!el) return;
    const ro = new ResizeObserver(() => setWidth(el.clientWidth));
    ro.observe(el);
    return () => ro.disconnect();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme is drawn into the canvas
  useEffect(() => {
    const c = canvas.current;
    if (c && width) draw(c, width, height, data, marks, begin, end, axis);
  }, [data, marks, width, height, begin, end, axis, scheme]);
  const x = (e: React.PointerEvent) => e.clientX - e.currentTarget.getBoundingClientRect().left;
  const n = data.mean_ms.length;
  const hover = at !== undefined && width > 0 && begin > 0 ? partAt(at / width, n) : undefined;
  const near =
    at === undefined
      ? []
      : marks.filter((m) => Math.abs(((new Date(m.at).getTime() - begin) / (end - begin)) * width - at) < 6);
  return (
    <div
      className={classes.graph}
      style={{ height: height + (axis ? 18 : 0) }}
      data-drag={onWindow ? true : undefined}
      onPointerDown={(e) => {
        if (!onWindow || e.button !== 0) return;
        e.currentTarget.setPointerCapture(e.pointerId);
        setDrag([x(e), x(e)]);
      }}
      onPointerMove={(e) => {
        setAt(x(e));
        if (drag) setDrag([drag[0], x(e)]);
      }}
      onPointerUp={() => {
        const w = drag && dragged(drag[0], drag[1], width, begin, end);
        setDrag(undefined);
        if (w) onWindow?.(new Date(w.from).toISOString(), new Date(w.to).toISOString());
      }}
      onPointerCancel={() => setDrag(undefined)}
      onPointerLeave={() => setAt(undefined)}
    >
      <canvas ref={canvas} role="img" aria-label={name} style={{ height }} />
      {drag && (
        <i
          className={classes.window}
          style={{ left: Math.min(...drag), width: Math.abs(drag[0] - drag[1]), height }}
          aria-hidden="true"
        />
      )}
      {hover !== undefined && !drag && (
        <>
          <i className={classes.cursor} style={{ left: at, height }} aria-hidden="true" />
          <div className={classes.tip} data-right={(at ?? 0) > width / 2 || undefined} style={{ left: at }}>
            <b className="num">{absolute(begin + ((hover + 0.5) / n) * (end - begin), zone).slice(5)}</b>
            <span className="num">
              {(data.loss[hover] ?? -1) < 0
                ? 'not measured'
                : `${ms(data.mean_ms[hover])} ms (${ms(data.min_ms[hover])} to ${ms(data.max_ms[hover])}), loss ${lossText(data.loss[hover])}`}
            </span>
            {near.slice(0, 3).map((m) => (
              <span key={m.at + m.text}>{m.text}</span>
            ))}
          </div>
        </>
      )}
      {axis && begin > 0 && (
        <div className={classes.times} aria-hidden="true">
          {[0, 0.25, 0.5, 0.75, 1].map((s) => (
            <span key={s} className="num">
              {absolute(begin + s * (end - begin), zone).slice(
                end - begin > 86_400_000 ? 5 : 11,
                end - begin > 1_800_000 ? 16 : 19,
              )}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

function draw(
  c: HTMLCanvasElement,
  w: number,
  h: number,
  t: Timeline,
  marks: readonly Mark[],
  begin: number,
  end: number,
  axis?: boolean,
) {
  const ratio = window.devicePixelRatio || 1;
  c.width = Math.round(w * ratio);
  c.height = Math.round(h * ratio);
  const g = c.getContext('2d');
  if (!g) return;
  g.scale(ratio, ratio);
  const n = t.mean_ms.length;
  const step = w / n;
  const top = axis ? niceTop(topOf([t])) : topOf([t]) * 1.1;
  const y = (v: number) => h - 1 - (v / top) * (h - 3);
  if (axis) {
    g.strokeStyle = css('--line');
    g.fillStyle = css('--tx-2');
    g.font = '11px sans-serif';
    for (const s of [0.25, 0.5, 0.75, 1]) {
      const yy = Math.round(y(top * s)) + 0.5;
      g.beginPath();
      g.moveTo(0, yy);
      g.lineTo(w, yy);
      g.stroke();
    }
  }
  g.fillStyle = css('--st-down');
  for (let i = 0; i < n; i++) {
    const l = t.loss[i] ?? -1;
    if (l > 0) g.fillRect(i * step, h - Math.max(3, l * h), Math.max(step, 1.5), Math.max(3, l * h));
  }
  const line = css('--s1');
  g.fillStyle = line;
  g.globalAlpha = 0.28;
  for (let i = 0; i < n; i++) {
    if ((t.max_ms[i] ?? -1) < 0) continue;
    const up = y(t.max_ms[i] as number);
    g.fillRect(i * step, up, Math.max(step, 1), Math.max(1, y(t.min_ms[i] as number) - up));
  }
  g.globalAlpha = 1;
  g.strokeStyle = line;
  g.lineWidth = 1.4;
  g.beginPath();
  // A part in which no probe falls, as between two rounds, does not break the line; loss of all probes does.
  let pen = false;
  for (let i = 0; i < n; i++) {
    const v = t.mean_ms[i] ?? -1;
    if (v < 0) {
      if ((t.loss[i] ?? -1) >= 1) pen = false;
      continue;
    }
    if (pen) g.lineTo((i + 0.5) * step, y(v));
    else {
      g.moveTo((i + 0.5) * step - 0.7, y(v));
      g.lineTo((i + 0.5) * step, y(v));
    }
    pen = true;
  }
  g.stroke();
  for (const m of marks) {
    const xx = ((new Date(m.at).getTime() - begin) / (end - begin)) * w;
    g.strokeStyle = g.fillStyle = css(m.kind === 'route' ? '--st-maint' : '--accent');
    g.lineWidth = 1;
    g.setLineDash(m.kind === 'route' ? [] : [3, 2]);
    g.beginPath();
    g.moveTo(xx, 0);
    g.lineTo(xx, h);
    g.stroke();
    g.setLineDash([]);
    g.beginPath();
    g.moveTo(xx - 4, 0);
    g.lineTo(xx + 4, 0);
    g.lineTo(xx, 6);
    g.fill();
  }
  if (axis) {
    // Numbers last and on the ground of the page, so that bars do not hide them.
    for (const s of [0.5, 1]) {
      const text = `${+(top * s).toPrecision(3)} ms`;
      const yy = Math.max(12, y(top * s) + 4);
      g.fillStyle = css('--bg-1');
      g.globalAlpha = 0.75;
      g.fillRect(0, yy - 10, g.measureText(text).width + 6, 13);
      g.globalAlpha = 1;
      g.fillStyle = css('--tx-2');
      g.fillText(text, 3, yy);
    }
  }
}
