import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useUrlState } from '@/lib/url';
import { CopyButton } from '@/ui/CopyButton';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { colors, type Row, rowsOf, serviceTo, took, traceTo } from './model';
import { type Span, type Trace, traceQuery } from './queries';
import classes from './trace.module.css';

export const Route = createLazyRoute('/observe/traces/$id')({ component: Page });

/** More rows than this are not drawn at once. */
const MOST = 2000;

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(traceQuery(id));
  return (
    <>
      <PageHead title={query.data?.spans[0]?.name ?? 'Trace'} parent={{ label: 'Traces', to: '/observe/traces' }}>
        <span className="mono muted">{id.slice(0, 16)}…</span>
        <CopyButton value={id} label="Copy the trace id" />
        <Spacer />
      </PageHead>
      <Loaded query={query} what="The trace" rows={12}>
        {(t) => <Body trace={t} />}
      </Loaded>
    </>
  );
}

function Body({ trace: t }: { trace: Trace }) {
  const [s, set] = useUrlState<{ span?: string; view?: 'waterfall' | 'flame' }>();
  const rows = useMemo(() => rowsOf(t.spans, t.start), [t]);
  const tone = useMemo(() => colors(t.spans), [t]);
  const chosen = t.spans.find((x) => x.span_id === s.span) ?? rows[0]?.span;
  const pick = (x: Span) => set({ span: x.span_id });
  const view = s.view ?? 'waterfall';
  const props = {
    rows: rows.slice(0, MOST),
    total: Math.max(t.duration_ns / 1000, 0.001),
    tone,
    chosen: chosen?.span_id,
    pick,
  };
  return (
    <DetailLayout label="Trace" side={chosen && <Side span={chosen} trace={t} />}>
      <Stats>
        <Stat label="Took" value={took(t.duration_ns)} note={<Time at={t.start} mode="absolute" />} />
        <Stat label="Spans" value={t.spans.length} note={t.cut ? 'more are not shown' : undefined} />
        <Stat label="Services" value={t.services.length} />
        <Stat label="Errors" value={t.errors} />
      </Stats>
      {t.missing_parents.length > 0 && (
        <p className="muted" style={{ margin: 0 }}>
          {t.missing_parents.length === 1 ? 'One span is' : `${t.missing_parents.length} spans are`} named as parent and
          not here: not sent, or still to come. What stands below is shown on top.
        </p>
      )}
      <Panel
        title="Spans"
        tools={
          <SegmentedControl
            aria-label="How spans are drawn"
            size="xs"
            data={[
              { value: 'waterfall', label: 'Waterfall' },
              { value: 'flame', label: 'Flame' },
            ]}
            value={view}
            onChange={(v) => set({ view: v as typeof view })}
          />
        }
      >
        <div className={classes.legend} style={{ marginBottom: 8 }}>
          {[...tone].map(([name, c]) => (
            <span key={name}>
              <i className={classes.dot} style={{ '--tone': c } as React.CSSProperties} />
              <Link to={serviceTo(name)}>{name}</Link>
            </span>
          ))}
        </div>
        {view === 'flame' ? <Flame {...props} /> : <Waterfall {...props} />}
        {rows.length > MOST && <p className="muted">The first {MOST} spans are drawn.</p>}
      </Panel>
    </DetailLayout>
  );
}

interface Drawing {
  rows: Row[];
  /** Microseconds. */
  total: number;
  tone: Map<string, string>;
  chosen?: string;
  pick: (s: Span) => void;
}

function Waterfall({ rows, total, tone, chosen, pick }: Drawing) {
  return (
    <>
      <div className={classes.axis} aria-hidden="true">
        <span />
        <span className={classes.ticks}>
          {[0, 0.25, 0.5, 0.75, 1].map((f) => (
            <span key={f}>{took(total * f * 1000)}</span>
          ))}
        </span>
      </div>
      <div className={classes.rows}>
        {rows.map(({ span: s, depth, at }) => {
          const left = Math.min(Math.max((at / total) * 100, 0), 99.8);
          const width = Math.min((s.duration_ns / 1000 / total) * 100, 100 - left);
          return (
            <button
              type="button"
              key={s.span_id}
              className={classes.row}
              aria-pressed={s.span_id === chosen}
              onClick={() => pick(s)}
              style={{ '--tone': tone.get(s.service) } as React.CSSProperties}
            >
              <span className={classes.name} style={{ paddingLeft: Math.min(depth, 14) * 14 }}>
                <i className={classes.dot} />
                <span title={`${s.service}: ${s.name}`}>{s.name}</span>
                {s.failed && <StatusMark state="failed" label={false} />}
              </span>
              <span className={classes.lane}>
                <i className={classes.bar} style={{ left: `${left}%`, width: `${width}%` }} />
                <span
                  className={width > 70 ? `${classes.took} ${classes.inside}` : classes.took}
                  style={beside(left, width)}
                >
                  {took(s.duration_ns)}
                </span>
              </span>
            </button>
          );
        })}
      </div>
    </>
  );
}

/** The duration stands right of its bar, left of one that ends far right, and inside a wide one. */
function beside(left: number, width: number): React.CSSProperties {
  if (width > 70) return { right: `calc(${100 - left - width}% + 4px)` };
  return left + width > 85 ? { right: `${100 - left}%` } : { left: `${left + width}%` };
}

function Flame({ rows, total, tone, chosen, pick }: Drawing) {
  const deep = Math.max(...rows.map((r) => r.depth), 0);
  return (
    <div className={classes.flame} style={{ height: (deep + 1) * 25 }}>
      {rows.map(({ span: s, depth, at }) => (
        <button
          type="button"
          key={s.span_id}
          aria-pressed={s.span_id === chosen}
          title={`${s.service}: ${s.name}, ${took(s.duration_ns)}`}
          onClick={() => pick(s)}
          style={
            {
              '--tone': s.failed ? 'var(--st-down)' : tone.get(s.service),
              top: depth * 25,
              left: `${Math.min(Math.max((at / total) * 100, 0), 99.9)}%`,
              width: `max(3px, ${(s.duration_ns / 1000 / total) * 100}%)`,
            } as React.CSSProperties
          }
        >
          {s.name}
        </button>
      ))}
    </div>
  );
}

function Side({ span: s, trace: t }: { span: Span; trace: Trace }) {
  const facts = (m: Record<string, string>) =>
    Object.entries(m)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(
        ([k, v]) =>
          [
            k,
            <span key={k} className="mono" style={{ overflowWrap: 'anywhere' }}>
              {v}
            </span>,
          ] as const,
      );
  return (
    <>
      <SideSection title={s.name}>
        <KeyValue
          rows={[
            ['State', s.failed ? <StatusMark key="f" state="failed" /> : undefined],
            ['Says', s.status],
            [
              'Service',
              <Link key="s" to={serviceTo(s.service)}>
                {s.service}
              </Link>,
            ],
            ['Item', s.item && <Link to={`/estate/items/${encodeURIComponent(s.item)}` as string}>{s.item}</Link>],
            ['Kind', s.kind],
            ['Took', took(s.duration_ns)],
            ['Library', s.scope],
            [
              'Span',
              <span key="i" className="mono">
                {s.span_id}
              </span>,
            ],
            [
              'Logs',
              <Link key="l" to={`/observe/logs?q=${encodeURIComponent(`trace_id:="${t.trace_id}"`)}` as string}>
                Lines of this trace
              </Link>,
            ],
          ]}
        />
      </SideSection>
      {s.events.map((e) => (
        <SideSection key={`${e.at}${e.name}`} title={e.name}>
          {Object.entries(Object.fromEntries((e.attributes ?? []).map((a) => [a.name, a.value]))).map(([k, v]) => (
            <div key={k}>
              <span className="muted">{k}</span>
              <pre className="mono" style={{ margin: '2px 0 8px', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {v}
              </pre>
            </div>
          ))}
        </SideSection>
      ))}
      {Object.keys(s.attributes).length > 0 && (
        <SideSection title="Attributes">
          <KeyValue rows={facts(s.attributes)} />
        </SideSection>
      )}
      {Object.keys(s.resource).length > 0 && (
        <SideSection title="Resource">
          <KeyValue rows={facts(s.resource)} />
        </SideSection>
      )}
      {s.links.length > 0 && (
        <SideSection title="Links">
          {s.links.map((l) => (
            <div key={l.span_id}>
              <Link to={traceTo(l.trace_id, l.span_id)} className="mono">
                {l.trace_id.slice(0, 16)}…
              </Link>
            </div>
          ))}
        </SideSection>
      )}
    </>
  );
}
