import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import classes from './layout.module.css';

/** A framed part of a page. `flush` lets tables and lists reach the frame. */
export function Panel({
  title,
  note,
  tools,
  flush,
  children,
}: {
  title?: string;
  note?: ReactNode;
  tools?: ReactNode;
  flush?: boolean;
  children: ReactNode;
}) {
  return (
    <section className={classes.panel} aria-label={title}>
      {title && (
        <div className={classes.panelHead}>
          <h2>{title}</h2>
          {note && <small>{note}</small>}
          <div className={classes.grow} />
          {tools}
        </div>
      )}
      <div className={classes.panelBody} data-flush={flush || undefined}>
        {children}
      </div>
    </section>
  );
}

/** A row of big numbers. */
export function Stats({ children }: { children: ReactNode }) {
  return <div className={classes.stats}>{children}</div>;
}

/** One big number with its label; `note` says what it means or where it comes from; `to` makes it a link. */
export function Stat({
  label,
  value,
  note,
  mark,
  to,
}: {
  label: string;
  value: ReactNode;
  note?: ReactNode;
  mark?: ReactNode;
  to?: string;
}) {
  const body = (
    <>
      <span>{label}</span>
      <span>{mark}</span>
      <b className="num">{value}</b>
      {note && <small>{note}</small>}
    </>
  );
  if (!to) return <div className={classes.stat}>{body}</div>;
  return (
    <Link to={to as string} className={classes.stat}>
      {body}
    </Link>
  );
}

/** Facts as label and value; what is undefined, null or '' is left out. */
export function KeyValue({ rows }: { rows: readonly (readonly [label: string, value: ReactNode])[] }) {
  return (
    <dl className={classes.kv}>
      {rows
        .filter(([, v]) => v !== undefined && v !== null && v !== '')
        .map(([k, v]) => (
          <Pair key={k} label={k} value={v} />
        ))}
    </dl>
  );
}

function Pair({ label, value }: { label: string; value: ReactNode }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </>
  );
}
