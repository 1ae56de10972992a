import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { milliseconds, percent } from '@/lib/format';
import { layout, serviceTo } from './model';
import { rate } from './parts';
import type { ServiceMap } from './queries';
import classes from './trace.module.css';

const W = 214;
const H = 58;

const toneOf = (share: number) => (share >= 0.05 ? 'var(--st-down)' : share > 0 ? 'var(--st-warn)' : 'var(--st-ok)');
const short = (s: string) => (s.length > 26 ? `${s.slice(0, 25)}…` : s);

/** Services and what they call, callers to the left. */
export function MapView({ map }: { map: ServiceMap }) {
  const navigate = useNavigate();
  const placed = useMemo(() => layout(map), [map]);
  const at = new Map(placed.map((p) => [p.name, p]));
  const wide = Math.max(...placed.map((p) => p.x), 0) + W + 20;
  const tall = Math.max(...placed.map((p) => p.y), 0) + H + 20;
  return (
    <div style={{ overflow: 'auto' }}>
      <svg
        viewBox={`-10 -10 ${wide} ${tall}`}
        width={wide}
        height={tall}
        role="group"
        aria-label="Map of services"
        className={classes.map}
        style={{ width: wide, height: tall }}
      >
        <defs>
          <marker id="call-end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 8 4 0 8z" fill="var(--tx-2)" />
          </marker>
        </defs>
        {map.calls.map((c) => {
          const a = at.get(c.client);
          const b = at.get(c.server);
          if (!a || !b) return null;
          const x1 = a.x + W;
          const y1 = a.y + H / 2;
          const back = b.x <= a.x;
          const x2 = back ? b.x + W : b.x;
          const y2 = b.y + H / 2;
          const bend = back ? 60 : Math.max((x2 - x1) / 2, 20);
          const d = `M${x1} ${y1} C${x1 + bend} ${y1} ${back ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}`;
          return (
            <g key={`${c.client}→${c.server}→${c.kind}`}>
              <path
                d={d}
                fill="none"
                stroke={c.failed ? toneOf(c.failed_share) : 'var(--tx-2)'}
                strokeWidth={1.5}
                markerEnd="url(#call-end)"
              >
                <title>
                  {`${c.client} calls ${c.server}: ${rate(c)}, ${percent(c.failed_share, 2)} failed, ${milliseconds(c.mean_ms)} on average`}
                </title>
              </path>
              <text
                className={classes.mapNote}
                x={x1 + (x2 - x1) * 0.74}
                y={y1 + (y2 - y1) * 0.9 - 5}
                textAnchor="middle"
              >
                {rate(c)}
              </text>
            </g>
          );
        })}
        {map.nodes.map((n) => {
          const p = at.get(n.name);
          if (!p) return null;
          const open = n.kind === 'service' && n.requests > 0;
          const go = () => void navigate({ to: serviceTo(n.name) });
          const body = (
            <>
              <rect
                width={W}
                height={H}
                rx={n.kind === 'database' ? 20 : 6}
                fill="var(--bg-2)"
                stroke={toneOf(n.failed_share)}
                strokeWidth={1.5}
              />
              <text className={classes.mapText} x={12} y={22}>
                {short(n.name)}
              </text>
              <text className={classes.mapNote} x={12} y={42}>
                {n.kind === 'service'
                  ? n.requests
                    ? `${rate(n)} · ${percent(n.failed_share, 2)} failed · ${milliseconds(n.p95_ms)}`
                    : 'calls only'
                  : `${n.kind} · ${rate(n)}`}
              </text>
              <title>{n.name}</title>
            </>
          );
          return open ? (
            <g
              key={n.name}
              transform={`translate(${p.x} ${p.y})`}
              role="link"
              tabIndex={0}
              aria-label={n.name}
              style={{ cursor: 'pointer' }}
              onClick={go}
              onKeyDown={(e) => e.key === 'Enter' && go()}
            >
              {body}
            </g>
          ) : (
            <g key={n.name} transform={`translate(${p.x} ${p.y})`}>
              {body}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
