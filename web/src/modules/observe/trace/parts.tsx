import { Link } from '@tanstack/react-router';
import { integer, milliseconds, number, percent } from '@/lib/format';
import { traceTo } from './model';
import type { Statement } from './queries';

export interface Rates {
  requests: number;
  per_second: number;
  failed: number;
  failed_share: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
}

/** Requests in a second, or in a minute when there are few. */
export const rate = (r: { per_second: number }) =>
  r.per_second >= 1 ? `${number(r.per_second)} /s` : `${number(r.per_second * 60)} /min`;

/** The share that failed, in red when there is one. */
export function FailedShare({ r }: { r: { failed: number; failed_share: number } }) {
  if (!r.failed) return <span className="muted">0 %</span>;
  return <span style={{ color: 'var(--st-down)' }}>{percent(r.failed_share, 2)}</span>;
}

/** Apdex with its word (Apdex Technical Specification 1.1). */
export function Apdex({ value }: { value?: number }) {
  if (value === undefined) return <span className="muted">–</span>;
  const word =
    value >= 0.94
      ? 'excellent'
      : value >= 0.85
        ? 'good'
        : value >= 0.7
          ? 'fair'
          : value >= 0.5
            ? 'poor'
            : 'unacceptable';
  const color = value >= 0.85 ? 'inherit' : value >= 0.7 ? 'var(--st-warn)' : 'var(--st-down)';
  return (
    <span style={{ color }}>
      <span className="num">{value.toFixed(2)}</span> <span className="muted">{word}</span>
    </span>
  );
}

export function Statements({ list }: { list: Statement[] }) {
  if (!list.length)
    return (
      <p className="muted" style={{ padding: 8 }}>
        No statement of a database in this time.
      </p>
    );
  return (
    <table className="plain">
      <thead>
        <tr>
          <th>Statement</th>
          <th style={{ width: 150 }}>Database</th>
          <th style={{ width: 80, textAlign: 'right' }}>Calls</th>
          <th style={{ width: 80, textAlign: 'right' }}>p95</th>
          <th style={{ width: 90, textAlign: 'right' }}>All together</th>
          <th style={{ width: 80 }}>Slowest</th>
        </tr>
      </thead>
      <tbody>
        {list.map((x) => (
          <tr key={x.statement}>
            <td className="mono" style={{ overflowWrap: 'anywhere' }}>
              {x.statement}
            </td>
            <td>{[x.system, x.database].filter(Boolean).join(' ')}</td>
            <td className="num" style={{ textAlign: 'right' }}>
              {integer(x.requests)}
            </td>
            <td className="num" style={{ textAlign: 'right' }}>
              {milliseconds(x.p95_ms)}
            </td>
            <td className="num" style={{ textAlign: 'right' }}>
              {milliseconds(x.total_ms)}
            </td>
            <td>{x.trace_id && <Link to={traceTo(x.trace_id)}>Trace</Link>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
