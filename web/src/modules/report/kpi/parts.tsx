import { Link } from '@tanstack/react-router';
import { duration, percent } from '@/lib/format';
import { absolute, dateOf, useZone } from '@/lib/time';
import { EmptyState } from '@/ui/EmptyState';
import { Panel } from '@/ui/Panel';
import { PriorityMark, SevMark } from '@/ui/SevMark';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import classes from './kpi.module.css';
import { type Buckets, figures, type Point, type Report, shares } from './model';

/** Every figure with its definition beside it. */
export function Figures({ report }: { report: Report }) {
  return (
    <div className={classes.figures}>
      {figures(report).map((f) => (
        <div key={f.key} className={classes.figure}>
          <h2>{f.title}</h2>
          <b className="num">{f.value}</b>
          {f.detail && <span className="num">{f.detail}</span>}
          <dl>
            <dt>Formula</dt>
            <dd>{f.definition.formula}</dd>
            <dt>Source</dt>
            <dd>{f.definition.source}</dd>
            <dt>Population</dt>
            <dd>{f.definition.population}</dd>
            <dt>Clock</dt>
            <dd>{f.definition.clock}</dd>
          </dl>
        </div>
      ))}
    </div>
  );
}

/** Where the time of the period went. */
export function TimeBar({ buckets }: { buckets: Buckets }) {
  const list = shares(buckets);
  const label = list.map((s) => `${s.label} ${duration(s.seconds)}`).join(', ');
  return (
    <>
      <div className={classes.bar} role="img" aria-label={`Time of the period: ${label}`}>
        {list.map((s) => (
          <i key={s.key} style={{ width: `${s.share * 100}%`, background: s.color }} />
        ))}
      </div>
      <div className={classes.legend}>
        {list.map((s) => (
          <span key={s.key} className="num">
            <i style={{ background: s.color }} />
            {s.label} {duration(s.seconds)} <span className="muted">{percent(s.share, 2)}</span>
          </span>
        ))}
      </div>
    </>
  );
}

/** One bar a day, week or month, filled by where its time went. */
export function Trend({ points, step }: { points: Point[]; step: string }) {
  const zone = useZone();
  if (!points.length) return <EmptyState small title="No data" hint="Nothing was measured in this period." />;
  const worst = points.reduce((a, b) => ((b.availability ?? 2) < (a.availability ?? 2) ? b : a));
  const label =
    worst.availability === null
      ? 'No availability was measured.'
      : `Lowest availability ${percent(worst.availability)} in the ${step} of ${dateOf(worst.from, zone)}.`;
  return (
    <>
      <div className={classes.trend} role="img" aria-label={`Availability by ${step}. ${label}`}>
        {points.map((p) => (
          <div
            key={p.from}
            title={`${dateOf(p.from, zone)}: ${p.availability === null ? 'no data' : percent(p.availability)}, down ${duration(p.downtime_seconds)}`}
          >
            {shares(p.buckets)
              .toReversed()
              .map((s) => (
                <i key={s.key} style={{ height: `${s.share * 100}%`, background: s.color, minHeight: 2 }} />
              ))}
          </div>
        ))}
      </div>
      <div className={classes.ends}>
        <span className="num">{dateOf(points[0]?.from ?? '', zone)}</span>
        <span>{label}</span>
        <span className="num">{dateOf((points.at(-1) ?? worst).to, zone)}</span>
      </div>
    </>
  );
}

/** The outages of the period. */
export function Outages({ report }: { report: Report }) {
  const list = report.outages ?? [];
  return (
    <Panel title="Outages" note={list.length ? `${list.length}` : undefined} flush>
      {list.length === 0 ? (
        <EmptyState small title="No outage" hint="No check of the item, or of what it needs, failed in this period." />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
        <section className={classes.scroll} tabIndex={0} aria-label="Table of outages">
          <table className={classes.table}>
            <thead>
              <tr>
                <th>Start</th>
                <th>End</th>
                <th data-right>In the period</th>
                <th>Check</th>
                <th>Item</th>
                <th>Worst</th>
                <th>Counts as</th>
              </tr>
            </thead>
            <tbody>
              {list.map((o) => (
                <tr key={o.start + o.check}>
                  <td>
                    <Time at={o.start} mode="absolute" />
                  </td>
                  <td>{o.end ? <Time at={o.end} mode="absolute" /> : 'Lasts'}</td>
                  <td data-right className="num">
                    {duration(o.duration_seconds)}
                  </td>
                  <td className="mono">{o.check}</td>
                  <td className="mono">{o.item}</td>
                  <td>
                    <SevMark severity={o.worst} />
                  </td>
                  <td>
                    {o.planned ? (
                      <Pill tone="maint">Planned</Pill>
                    ) : o.counts_as_down ? (
                      <Pill tone="down">Downtime</Pill>
                    ) : (
                      <Pill tone="unknown">Not downtime</Pill>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  );
}

/** The incidents that the response times are counted from. */
export function Incidents({ report }: { report: Report }) {
  const zone = useZone();
  const list = report.incident_list ?? [];
  const hidden = report.incidents - list.length;
  const cell = (t: string | null) => (
    <td className="num">{t ? absolute(t, zone).slice(5, 19) : <span className="muted">–</span>}</td>
  );
  return (
    <Panel
      title="Incidents"
      note={hidden > 0 ? `${list.length} of ${report.incidents}; the others are not shown to you` : undefined}
      flush
    >
      {list.length === 0 ? (
        <EmptyState
          small
          title="No incident"
          hint="No incident on the item, or on what it needs, began in this period."
        />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
        <section className={classes.scroll} tabIndex={0} aria-label="Table of incidents">
          <table className={classes.table}>
            <thead>
              <tr>
                <th>Number</th>
                <th>Title</th>
                <th>Priority</th>
                <th>State</th>
                <th>Impact began</th>
                <th>Detected</th>
                <th>Acknowledged</th>
                <th>Work began</th>
                <th>Restored</th>
                <th>Resolved</th>
              </tr>
            </thead>
            <tbody>
              {list.map((i) => (
                <tr key={i.number}>
                  <td className="mono">
                    <Link to={`/respond/incidents/${i.number}` as string}>{i.number}</Link>
                  </td>
                  <td className={classes.title} title={i.title}>
                    {i.title}
                  </td>
                  <td>
                    <PriorityMark priority={i.priority} />
                  </td>
                  <td>
                    <StatusMark state={i.state} />
                  </td>
                  {cell(i.impact_started_at)}
                  {cell(i.detected_at)}
                  {cell(i.acknowledged_at)}
                  {cell(i.work_started_at)}
                  {cell(i.restored_at)}
                  {cell(i.resolved_at)}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  );
}
