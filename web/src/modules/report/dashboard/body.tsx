import { Link } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { byUnit } from '@/lib/format';
import { absolute, useZone } from '@/lib/time';
import { ChartData } from '@/ui/chart-data';
import { LiveChart } from '@/ui/LiveChart';
import { Sparkline, StateStrip } from '@/ui/StateStrip';
import { StatusMark } from '@/ui/StatusMark';
import { toneOf } from '@/ui/tone';
import classes from './dashboard.module.css';
import { heat, reduce, spans, table, times, toneFor } from './model';
import type { Data, Line, Panel } from './queries';

export interface BodyProps {
  panel: Panel;
  data: Data;
  /** Pixels for what is drawn. */
  height: number;
  /** Names and items are links: not on a shared page. */
  links: boolean;
  onZoom?: (from: number, to: number) => void;
}

const Nothing = () => <div className={classes.nothing}>No data in this time</div>;
const ends = (d: Data) => ({ from: new Date(d.from).getTime() / 1000, to: new Date(d.to).getTime() / 1000 });

/** What a panel shows. */
export function Body(p: BodyProps) {
  switch (p.panel.kind) {
    case 'series':
      return <Series {...p} />;
    case 'stat':
      return <Stat {...p} />;
    case 'top':
      return <Top {...p} />;
    case 'table':
      return <Table {...p} />;
    case 'heatmap':
      return <Heat {...p} />;
    case 'states':
      return <States {...p} />;
    case 'log':
      return <Lines {...p} />;
    case 'items':
      return <Items {...p} />;
    default:
      return <Text text={p.panel.text ?? ''} />;
  }
}

function Series({ panel, data, height, onZoom }: BodyProps) {
  const [only, setOnly] = useState<string>();
  const all = data.lines ?? [];
  const lines = only && all.some((l) => l.name === only) ? all.filter((l) => l.name === only) : all;
  const chart = useMemo(() => new ChartData(lines.length, 5000), [lines.length]);
  useEffect(() => {
    chart.set(
      times(data),
      lines.map((l) => l.values ?? []),
    );
  });
  if (!all.length) return <Nothing />;
  const legend = all.length > 1 || !!all[0]?.name;
  return (
    <>
      <LiveChart
        key={`${only ?? ''} ${lines.length}`}
        name={panel.title || 'Graph'}
        data={chart}
        series={lines.map((l) => ({ label: l.name, area: panel.area, color: (all.indexOf(l) % 8) + 1 }))}
        unit={panel.unit || undefined}
        height={Math.max(60, height - (legend ? 26 : 0))}
        range={ends(data)}
        sync="dashboard"
        stack={panel.stack}
        scale={{ min: panel.min, max: panel.max }}
        limits={panel.thresholds?.map((t) => ({ value: t.value, tone: t.tone }))}
        legend="hover"
        onZoom={onZoom}
      />
      {legend && (
        <div className={classes.legend}>
          {all.map((l, i) => {
            const last = reduce(l, 'last');
            return (
              <button
                key={`${l.query} ${l.name}`}
                type="button"
                data-off={!!only && only !== l.name}
                title={only === l.name ? 'Show all lines' : 'Show only this line'}
                onClick={() => setOnly(only === l.name ? undefined : l.name)}
              >
                <i style={{ background: `var(--s${(i % 8) + 1})` }} />
                {l.name}
                {last !== undefined && <b className="num">{byUnit(last, panel.unit || undefined)}</b>}
              </button>
            );
          })}
        </div>
      )}
    </>
  );
}

function Stat({ panel, data, height }: BodyProps) {
  const lines = data.lines ?? [];
  if (!lines.length) return <Nothing />;
  const big = Math.max(16, Math.min(34, height * 0.42, 300 / Math.max(4, lines.length)));
  return (
    <div className={classes.stats}>
      {lines.slice(0, 12).map((l) => {
        const v = reduce(l, panel.reduce);
        const tone = toneFor(v, panel);
        const values = (l.values ?? []).filter((x): x is number => x !== null);
        return (
          <div key={`${l.query} ${l.name}`} className={classes.stat}>
            <b
              className="num"
              style={{ fontSize: big, color: tone && tone !== 'ok' ? `var(--st-${tone})` : undefined }}
            >
              {v === undefined ? '–' : byUnit(v, panel.unit || undefined)}
            </b>
            {lines.length > 1 && <span className="muted">{l.name}</span>}
            {lines.length === 1 && values.length > 2 && height > 60 && <Sparkline values={values} width={140} />}
          </div>
        );
      })}
    </div>
  );
}

function Top({ panel, data }: BodyProps) {
  const lines = data.lines ?? [];
  if (!lines.length) return <Nothing />;
  const value = (l: Line) => l.values?.[0] ?? 0;
  const most = panel.max ?? Math.max(...lines.map(value), Number.MIN_VALUE);
  return (
    <div className={classes.scroll}>
      {lines.map((l) => {
        const v = value(l);
        const tone = toneFor(v, panel);
        return (
          <div key={`${l.query} ${l.name}`} className={classes.topRow}>
            <span title={l.name}>{l.name}</span>
            <b className="num">{byUnit(v, panel.unit || undefined)}</b>
            <span className={classes.topBar} aria-hidden>
              <span
                style={{
                  width: `${Math.max(0.5, Math.min(100, (v / most) * 100))}%`,
                  background: tone && tone !== 'ok' ? `var(--st-${tone})` : undefined,
                }}
              />
            </span>
          </div>
        );
      })}
    </div>
  );
}

function Table({ panel, data }: BodyProps) {
  const t = table(panel, data.lines ?? []);
  if (!t.rows.length) return <Nothing />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className={classes.scroll} tabIndex={0} aria-label={panel.title || 'Table'}>
      <table className="plain">
        <thead>
          <tr>
            {t.labels.map((l) => (
              <th key={l}>{l}</th>
            ))}
            {t.values.map((v) => (
              <th key={v} style={{ textAlign: 'right' }}>
                {v}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {t.rows.map((r) => (
            <tr key={r.key}>
              {r.labels.map((v, i) => (
                <td key={t.labels[i]}>{v}</td>
              ))}
              {t.values.map((name, i) => {
                const v = r.values[i];
                const tone = toneFor(v, panel);
                return (
                  <td
                    key={name}
                    className="num"
                    style={{ textAlign: 'right', color: tone && tone !== 'ok' ? `var(--st-${tone})` : undefined }}
                  >
                    {v === undefined ? '–' : byUnit(v, panel.unit || undefined)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Heat({ panel, data, height }: BodyProps) {
  const rows = useMemo(() => heat(data.lines ?? []), [data]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const zone = useZone();
  const bucket = (name: string) =>
    name !== '+Inf' && name !== '' && Number.isFinite(Number(name))
      ? byUnit(Number(name), panel.unit || undefined)
      : name;
  useEffect(() => {
    const c = canvas.current;
    const ctx = c?.getContext('2d');
    if (!c || !ctx || !rows.length) return;
    const n = rows[0]?.values.length ?? 0;
    c.width = n;
    c.height = rows.length;
    const most = Math.max(...rows.flatMap((r) => r.values.map((v) => v ?? 0)), Number.MIN_VALUE);
    const color = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim();
    ctx.clearRect(0, 0, n, rows.length);
    ctx.fillStyle = color;
    rows.forEach((r, y) => {
      r.values.forEach((v, x) => {
        if (!v) return;
        // The root makes rare cells visible beside frequent ones.
        ctx.globalAlpha = 0.08 + 0.92 * Math.sqrt(v / most);
        ctx.fillRect(x, y, 1, 1);
      });
    });
  }, [rows]);
  if (!rows.length) return <Nothing />;
  const e = ends(data);
  return (
    <div className={classes.heat} style={{ height }}>
      <div className={classes.heatNames} aria-hidden>
        {rows.map((r, i) => (
          <span key={r.name} hidden={rows.length > height / 12 && i % 2 === 1}>
            {bucket(r.name)}
          </span>
        ))}
      </div>
      <canvas ref={canvas} role="img" aria-label={`${panel.title || 'Heat map'}: darker is more`} />
      <span />
      <div className={classes.heatTimes}>
        <span>{absolute(e.from * 1000, zone).slice(5, 16)}</span>
        <span>{absolute(e.to * 1000, zone).slice(5, 16)}</span>
      </div>
    </div>
  );
}

function States({ data }: BodyProps) {
  const lines = data.lines ?? [];
  if (!lines.length) return <Nothing />;
  const x = times(data);
  const e = ends(data);
  return (
    <div className={classes.scroll}>
      {lines.map((l) => (
        <div key={`${l.query} ${l.name}`} className={classes.stateRow}>
          <span title={l.name}>{l.name}</span>
          <StateStrip spans={spans(l, x, data.step_seconds)} from={e.from} to={e.to} label={`States of ${l.name}`} />
        </div>
      ))}
    </div>
  );
}

function Lines({ panel, data }: BodyProps) {
  const zone = useZone();
  const [open, setOpen] = useState<number>();
  if (!data.logs?.length) return <Nothing />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className={classes.scroll} tabIndex={0} aria-label={panel.title || 'Log lines'}>
      {data.logs.map((l, i) => (
        <button
          // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be the same in everything
          key={i}
          type="button"
          className={classes.log}
          data-open={open === i}
          onClick={() => setOpen(open === i ? undefined : i)}
        >
          <span className="muted num">{absolute(l.at, zone).slice(5, 19)}</span>
          <span>{l.text || Object.values(l.fields ?? {}).join(' ')}</span>
          {open === i && (
            <span className={classes.fields}>
              {Object.entries(l.fields ?? {}).map(([k, v]) => (
                <span key={k}>
                  <span className="muted">{k}</span> {v}
                </span>
              ))}
            </span>
          )}
        </button>
      ))}
    </section>
  );
}

function Items({ data, links }: BodyProps) {
  const items = data.items ?? [];
  if (!items.length) return <div className={classes.nothing}>No items</div>;
  return (
    <div className={classes.tiles}>
      {items.map((t) => {
        const inner = (
          <>
            {t.state ? <StatusMark state={t.state} /> : <span className="muted">not watched</span>}
            <span title={t.name}>{t.title && t.title !== t.name ? t.title : t.name}</span>
          </>
        );
        const tone = t.state ? toneOf(t.state) : 'plain';
        return links ? (
          <Link
            key={t.name}
            className={classes.tile}
            data-tone={tone}
            to={`/estate/items/${encodeURIComponent(t.name)}` as string}
          >
            {inner}
          </Link>
        ) : (
          <div key={t.name} className={classes.tile} data-tone={tone}>
            {inner}
          </div>
        );
      })}
    </div>
  );
}

function Text({ text }: { text: string }) {
  return (
    <div className={classes.text}>
      {text.split(/\n{2,}/).map((p, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: paragraphs have no other name
        <p key={i}>{p}</p>
      ))}
    </div>
  );
}
