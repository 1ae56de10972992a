import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import { integer } from '@/lib/format';
import { Graph, type Mark } from './graph';
import { barTop, lossText, ms } from './model';
import classes from './path.module.css';
import type { HopRow, Report } from './queries';

/** One row per hop, with a bar of the answers and, for open ones, their timeline. */
export function Hops({
  report: r,
  open,
  onOpen,
  marks,
  onWindow,
}: {
  report: Report;
  open: number | undefined;
  onOpen: (ttl: number | undefined) => void;
  marks: readonly Mark[];
  onWindow: (from: string, to: string) => void;
}) {
  const top = barTop(r.hops);
  return (
    <div className={classes.scroll}>
      <table className={classes.hops} aria-label="Hops">
        <thead>
          <tr>
            <th scope="col">Hop</th>
            <th scope="col" className={classes.who}>
              Address
            </th>
            <th scope="col">Loss</th>
            <th scope="col">Last</th>
            <th scope="col">Mean</th>
            <th scope="col">Best</th>
            <th scope="col">Worst</th>
            <th scope="col">Jitter</th>
            <th scope="col">Sent</th>
            <th scope="col" className={classes.bars}>
              <span>0 to {top} ms</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {r.hops.map((h) => (
            <Fragment key={h.ttl}>
              <tr data-target={h.target || undefined}>
                <td>
                  <button
                    type="button"
                    className={classes.ttl}
                    aria-expanded={open === h.ttl}
                    aria-label={`Timeline of hop ${h.ttl}`}
                    onClick={() => onOpen(open === h.ttl ? undefined : h.ttl)}
                  >
                    {h.ttl}
                  </button>
                </td>
                <td className={classes.who}>
                  <Who hop={h} />
                </td>
                <td className="num" data-lost={(h.lost > 0 && !h.note) || undefined}>
                  {h.note ? (
                    <Tooltip label={h.note} multiline w={300}>
                      <span className={classes.noted} role="note" aria-label={h.note}>
                        {lossText(h.loss)}
                      </span>
                    </Tooltip>
                  ) : (
                    lossText(h.loss)
                  )}
                </td>
                <td className="num">{ms(h.last_ms)}</td>
                <td className="num">{ms(h.mean_ms)}</td>
                <td className="num">{ms(h.min_ms)}</td>
                <td className="num">{ms(h.max_ms)}</td>
                <td className="num">{ms(h.jitter_ms)}</td>
                <td className="num">{integer(h.sent)}</td>
                <td className={classes.bars}>
                  <Bar hop={h} top={top} />
                </td>
              </tr>
              {h.note && (
                <tr className={classes.note}>
                  <td />
                  <td colSpan={9}>{h.note}</td>
                </tr>
              )}
              {open === h.ttl && (
                <tr className={classes.opened}>
                  <td colSpan={10}>
                    <Graph
                      name={`Round trip and loss of hop ${h.ttl}`}
                      data={h.timeline}
                      from={r.from}
                      to={r.to}
                      height={90}
                      marks={marks}
                      axis
                      onWindow={onWindow}
                    />
                  </td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Who({ hop: h }: { hop: HopRow }) {
  const [a, ...more] = h.addresses;
  if (!a) return <span className="muted">no answer</span>;
  return (
    <>
      <span className={classes.addr}>
        {a.item ? (
          <Link to={`/estate/items/${encodeURIComponent(a.item)}` as string}>{a.item}</Link>
        ) : (
          a.name && <span title={a.name}>{a.name}</span>
        )}
        <span className={a.item || a.name ? 'mono muted' : 'mono'}>{a.address}</span>
        {h.mark && (
          <span className={classes.mark} title="What the last answer refused">
            {h.mark}
          </span>
        )}
        {h.target && <span className="muted">target</span>}
      </span>
      {a.network && <span className={classes.network}>{a.network}</span>}
      {more.map((x) => (
        <span key={x.address} className={classes.addr}>
          <span className="mono muted">
            {x.name || x.item || ''} {x.address}
          </span>
          <span className="muted num">{Math.max(1, Math.round(x.share * 100))} %</span>
        </span>
      ))}
    </>
  );
}

/** The range of the answers with the mean and the last, on a ground that is red by loss. */
function Bar({ hop: h, top }: { hop: HopRow; top: number }) {
  const at = (v: number | undefined) => `${Math.min(100, ((v ?? 0) / top) * 100)}%`;
  return (
    <span
      className={classes.bar}
      role="img"
      aria-label={
        h.mean_ms === undefined ? 'no answer' : `${ms(h.min_ms)} to ${ms(h.max_ms)} ms, mean ${ms(h.mean_ms)} ms`
      }
    >
      {h.loss > 0 && (
        <i
          className={classes.lost}
          style={{ width: `${Math.max(1, h.loss * 100)}%` }}
          data-soft={!!h.note || undefined}
        />
      )}
      {h.mean_ms !== undefined && (
        <>
          <i
            className={classes.span}
            style={{ left: at(h.min_ms), width: `calc(${at(h.max_ms)} - ${at(h.min_ms)})` }}
          />
          <i className={classes.mean} style={{ left: at(h.mean_ms) }} />
          <i className={classes.last} style={{ left: at(h.last_ms) }} />
        </>
      )}
    </span>
  );
}
