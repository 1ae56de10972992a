import { Button } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { duration, milliseconds, number } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { type Range, RECENT, resolveRange } from '@/lib/range';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { SevMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { TimeRange } from '@/ui/TimeRange';
import { done } from '@/ui/toast';
import { RuleGraph } from './graph';
import { brief, labelText, ruleTo, sloTo } from './model';
import { deleteRule, historyQuery, instancesQuery, type RuleBody, type RuleRead, ruleQuery } from './queries';
import { TryPanel } from './trial';

export const Route = createLazyRoute('/detect/rules/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery({ ...ruleQuery(name), refetchInterval: 15_000 });
  const may = useCan();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  useLiveQuery('rules', ['rule', name], name);
  const r = query.data?.data;
  return (
    <>
      <PageHead title={name} parent={{ label: 'Rules', to: '/detect/rules' }}>
        <Spacer />
        {r && may('rule.write') && !r.slo && (
          <>
            <Button
              variant="default"
              component={Link}
              to={`${ruleTo(name)}/edit` as string}
              leftSection={<IconPencil size={14} />}
            >
              Change
            </Button>
            <Button variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => setAsking(true)}>
              Delete
            </Button>
          </>
        )}
      </PageHead>
      <Loaded query={query} what="The rule" rows={10}>
        {({ data }) => (
          <DetailLayout label="Rule" side={<Side rule={data} />}>
            <Now rule={data} />
            {!data.record && <Instances name={name} />}
            {!data.record && data.expr && may('rule.write') && <TryPanel rule={() => bodyOf(data)} />}
            {!data.record && <History name={name} />}
          </DetailLayout>
        )}
      </Loaded>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete the rule ${name}?`}
        action="Delete"
        run={async () => {
          await deleteRule(name);
          done(`${name} was deleted.`);
          await navigate({ to: '/detect/rules' as string });
        }}
      >
        Alerts that it has raised end now.
      </ConfirmDialog>
    </>
  );
}

/** What is sent back to the server: the rule without its work. */
export function bodyOf(r: RuleRead): RuleBody {
  const {
    state: _s,
    firing: _f,
    pending: _p,
    slo: _o,
    asked_at: _a,
    next_at: _n,
    took_ms: _t,
    error: _e,
    updated_at: _u,
    ...body
  } = r;
  return body;
}

function Now({ rule: r }: { rule: RuleRead }) {
  const [s, set] = useUrlState<Range>();
  const at = resolveRange({ from: s.from, to: s.to }, Date.now(), '-6h');
  return (
    <>
      <Stats>
        <Stat
          label="State"
          value={<StatusMark state={r.state} />}
          note={r.enabled === false ? 'not asked' : undefined}
        />
        <Stat label="Firing" value={r.firing} note={r.pending ? `${r.pending} pending` : undefined} />
        <Stat
          label="Last asked"
          value={r.asked_at ? <Time at={r.asked_at} /> : '–'}
          note={r.asked_at ? `took ${milliseconds(r.took_ms)}` : undefined}
        />
        <Stat label="Asked every" value={brief(r.every) || '1m'} />
      </Stats>
      {r.error && (
        <Panel title="It cannot be asked">
          <p role="alert" style={{ margin: 0 }}>
            {r.error} Its alerts stay as they are.
          </p>
        </Panel>
      )}
      <Panel
        title="Question"
        tools={r.expr ? <TimeRange value={s} onChange={set} presets={RECENT} fallback="-6h" /> : undefined}
      >
        <pre className="mono" style={{ margin: '0 0 8px', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
          {r.expr ?? r.logs}
        </pre>
        {r.expr && (
          <RuleGraph
            name={`Question of ${r.name}`}
            expr={r.expr}
            from={at.from.getTime() / 1000}
            to={at.to.getTime() / 1000}
            onZoom={(a, b) => set({ from: new Date(a * 1000).toISOString(), to: new Date(b * 1000).toISOString() })}
          />
        )}
      </Panel>
    </>
  );
}

function Instances({ name }: { name: string }) {
  const query = useQuery({ ...instancesQuery(name), refetchInterval: 15_000 });
  return (
    <Panel title="Instances" note="Series that answer the question now." flush>
      <Loaded query={query} what="The instances" small rows={2}>
        {(list) =>
          list.items.length ? (
            <table className="plain">
              <thead>
                <tr>
                  <th style={{ width: 100 }}>State</th>
                  <th>What</th>
                  <th style={{ width: 110 }}>Since</th>
                  <th style={{ width: 110, textAlign: 'right' }}>Value</th>
                </tr>
              </thead>
              <tbody>
                {list.items.map((i) => (
                  <tr key={labelText(i.labels)}>
                    <td>
                      <StatusMark state={i.state} />
                    </td>
                    <td>
                      {i.title && <div>{i.title}</div>}
                      <div className="mono muted">{i.no_data ? 'no data' : labelText(i.labels)}</div>
                      {i.item && (
                        <div>
                          <Link to={`/estate/items/${encodeURIComponent(i.item)}` as string}>{i.item}</Link>
                        </div>
                      )}
                    </td>
                    <td>
                      <Time at={i.fired_at ?? i.active_at} mode="age" />
                    </td>
                    <td className="num" style={{ textAlign: 'right' }}>
                      {i.value === undefined ? '–' : number(i.value)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <p className="muted" style={{ padding: 8 }}>
              Nothing answers the question now.
            </p>
          )
        }
      </Loaded>
    </Panel>
  );
}

function History({ name }: { name: string }) {
  const query = useQuery(historyQuery(name));
  return (
    <Panel title="When it fired" flush>
      <Loaded query={query} what="The history" small rows={3}>
        {(list) =>
          list.items.length ? (
            <table className="plain">
              <thead>
                <tr>
                  <th style={{ width: 110 }}>When</th>
                  <th>What</th>
                  <th style={{ width: 100 }}>For</th>
                  <th style={{ width: 220 }}>End</th>
                </tr>
              </thead>
              <tbody>
                {list.items.map((h) => (
                  <tr key={h.id}>
                    <td>
                      <Time at={h.fired_at} />
                    </td>
                    <td>
                      {h.title} <span className="mono muted">{labelText(h.labels)}</span>
                    </td>
                    <td>{h.ended_at ? duration((Date.parse(h.ended_at) - Date.parse(h.fired_at)) / 1000) : '–'}</td>
                    <td className="muted">{h.reason ?? 'goes on'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <p className="muted" style={{ padding: 8 }}>
              It has never fired.
            </p>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Side({ rule: r }: { rule: RuleRead }) {
  return (
    <>
      <SideSection title="Rule">
        <KeyValue
          rows={[
            ['Severity', r.record ? undefined : <SevMark key="s" severity={r.severity ?? 'warning'} />],
            ['Records', r.record && <span className="mono">{r.record}</span>],
            ['For', brief(r.for)],
            ['Keeps firing', brief(r.keep_firing_for)],
            ['Looks back', r.logs ? brief(r.window) || '5m' : undefined],
            ['Recovery', r.recovery && <span className="mono">{r.recovery}</span>],
            ['Missing data', r.missing && { ok: 'ends it', keep: 'keeps it', alert: 'raises an alert' }[r.missing]],
            ['Item', r.item && <Link to={`/estate/items/${encodeURIComponent(r.item)}` as string}>{r.item}</Link>],
            ['Team', r.team],
            ['Objective', r.slo && <Link to={sloTo(r.slo)}>{r.slo}</Link>],
            ['Changed', <Time key="c" at={r.updated_at} />],
          ]}
        />
      </SideSection>
      {r.description && (
        <SideSection title="Description">
          <p style={{ margin: 0, whiteSpace: 'pre-wrap' }}>{r.description}</p>
        </SideSection>
      )}
      {r.annotations && Object.keys(r.annotations).length > 0 && (
        <SideSection title="Texts">
          <KeyValue rows={Object.entries(r.annotations)} />
        </SideSection>
      )}
      {r.labels && Object.keys(r.labels).length > 0 && (
        <SideSection title="Labels">
          <KeyValue rows={Object.entries(r.labels)} />
        </SideSection>
      )}
    </>
  );
}
