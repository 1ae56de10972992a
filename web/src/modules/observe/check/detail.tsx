import { Button } from '@mantine/core';
import { IconPencil, IconPlayerPlay, IconTool, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { byUnit, milliseconds } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { quoted, range } from '@/lib/prom';
import { type Range, RECENT, resolveRange } from '@/lib/range';
import { useLive, useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { ChartData } from '@/ui/chart-data';
import { LiveChart } from '@/ui/LiveChart';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { StateStrip } from '@/ui/StateStrip';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { TimeRange } from '@/ui/TimeRange';
import { done, failed } from '@/ui/toast';
import classes from './check.module.css';
import { brief, isPassive, measureTitle, seconds, spans, whereText } from './model';
import { type Check, type CheckDetail, checkQuery, deleteCheck, historyQuery, runCheck } from './queries';

export const Route = createLazyRoute('/observe/checks/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery(checkQuery(name));
  const may = useCan();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  useLiveQuery('checks', ['check', name], name);
  const c = query.data?.data;
  return (
    <>
      <PageHead title={name} parent={{ label: 'Checks', to: '/observe/checks' }}>
        <Spacer />
        {c && may('check.result') && c.enabled && !isPassive(c.type) && (
          <Button
            variant="default"
            leftSection={<IconPlayerPlay size={14} />}
            onClick={() =>
              runCheck(name).then(
                () => done('The check runs now.'),
                (e) => failed('The check', e),
              )
            }
          >
            Run now
          </Button>
        )}
        {c && may('check.write') && (
          <>
            <Button
              variant="default"
              component={Link}
              to={`/observe/downtimes?new=true&check=${encodeURIComponent(name)}` as string}
              leftSection={<IconTool size={14} />}
            >
              Maintenance
            </Button>
            <Button
              variant="default"
              component={Link}
              to={`/observe/checks/${encodeURIComponent(name)}/edit` as string}
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
      <Loaded query={query} what="The check" rows={10}>
        {({ data }) => (
          <DetailLayout label="Check" side={<Side check={data} />}>
            <Now check={data} />
            {(data.places?.length ?? 0) > 0 && <Places check={data} />}
            <Graphs check={data} />
            <History check={data} />
          </DetailLayout>
        )}
      </Loaded>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete the check ${name}?`}
        action="Delete"
        run={async () => {
          await deleteCheck(name);
          done(`${name} was deleted.`);
          await navigate({ to: '/observe/checks' as string });
        }}
      >
        Its measurements stay until their retention ends. An alert that it holds open ends.
      </ConfirmDialog>
    </>
  );
}

function Now({ check: c }: { check: CheckDetail }) {
  const soft = !c.hard && !!c.last_result && c.state !== 'ok' && c.state !== 'pending';
  return (
    <>
      <Stats>
        <Stat
          label="State"
          value={<StatusMark state={c.state} soft={soft} />}
          note={soft ? `attempt ${c.attempt} of ${c.attempts}: not sure yet` : c.hard ? 'confirmed' : undefined}
        />
        <Stat label="Since" value={c.since ? <Time at={c.since} mode="age" /> : '–'} />
        <Stat
          label="Last result"
          value={c.last_result ? milliseconds(c.last_result.duration_ms) : '–'}
          note={c.last_result ? <Time at={c.last_result.at} /> : 'none yet'}
        />
        <Stat label="Runs every" value={isPassive(c.type) ? 'passive' : brief(c.every)} />
      </Stats>
      <Panel title="Output">
        {c.away && (
          <p className={classes.away}>
            {c.away} {c.last_result && 'This is what was found last:'}
          </p>
        )}
        {c.broken ? (
          <p>This check cannot run: {c.broken}</p>
        ) : (
          <pre className="mono" style={{ margin: 0, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {c.output || 'No result yet.'}
            {c.detail ? `\n${c.detail}` : ''}
          </pre>
        )}
      </Panel>
    </>
  );
}

function Places({ check: c }: { check: CheckDetail }) {
  return (
    <Panel title="Where it runs" flush>
      <table className="plain">
        <thead>
          <tr>
            <th style={{ width: 160 }}>Edge</th>
            <th style={{ width: 130 }}>Result</th>
            <th>Output</th>
            <th style={{ width: 90, textAlign: 'right' }}>Took</th>
            <th style={{ width: 110, textAlign: 'right' }}>When</th>
          </tr>
        </thead>
        <tbody>
          {c.places?.map((p) => (
            <tr key={p.name}>
              <td>
                <Link to={`/observe/edges/${encodeURIComponent(p.name)}` as string}>{p.name}</Link>
              </td>
              <td>
                <StatusMark state={p.state} />
              </td>
              <td className="muted">{p.output || (p.state === 'pending' ? 'No result yet' : '')}</td>
              <td style={{ textAlign: 'right' }}>{p.at ? milliseconds(p.duration_ms ?? 0) : '–'}</td>
              <td style={{ textAlign: 'right' }}>{p.at ? <Time at={p.at} /> : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Graphs({ check: c }: { check: CheckDetail }) {
  const [s, set] = useUrlState<Range>();
  const chosen = resolveRange({ from: s.from, to: s.to }, Date.now(), '-1h');
  const length = (chosen.to.getTime() - chosen.from.getTime()) / 1000;
  const every = seconds(c.every) ?? 60;
  const step = Math.max(Math.ceil(length / 600), Math.min(every, Math.ceil(length / 60)), 1);
  const from = s.from ?? '-1h';
  const history = useQuery(historyQuery(c.name));
  const query = useQuery({
    queryKey: ['check', c.name, 'series', from, s.to],
    refetchInterval: chosen.live ? Math.max(every * 1000, 5000) : false,
    queryFn: ({ signal }) => {
      const r = resolveRange({ from: s.from, to: s.to }, Date.now(), '-1h');
      return range(
        `{check=${quoted(c.name)},__name__!="check_status"}`,
        r.from.getTime() / 1000,
        r.to.getTime() / 1000,
        step,
        signal,
      );
    },
  });
  const duration = useMemo(() => new ChartData(1, 5000), []);
  const lines = query.data ?? [];
  // From several edges, the first is drawn large and the others among the measurements.
  const main = lines.find(isDuration);
  const several = lines.filter(isDuration).length > 1;
  useEffect(() => {
    const line = (query.data ?? []).find(isDuration);
    if (line) duration.set(line.x, [line.y]);
  }, [query.data, duration]);
  // Each result is drawn as it arrives; the next reading of the store replaces it.
  useLive('checks', (note) => {
    if (note.id !== c.name || !chosen.live || several) return;
    const r = (note.data as Check | undefined)?.last_result;
    if (r) duration.push(Date.parse(r.at) / 1000, [r.duration_ms / 1000]);
  });
  const others = lines.filter((l) => l !== main && l.x.length > 1);
  const bounds = { from: chosen.from.getTime() / 1000, to: chosen.to.getTime() / 1000 };
  // What is new fills the width: nothing was measured before its first point.
  const first = Math.min(...lines.map((l) => l.x[0] ?? bounds.to));
  if (chosen.live && Number.isFinite(first)) bounds.from = Math.max(bounds.from, Math.min(first, bounds.to - 60));
  const strip = spans(history.data?.items ?? [], c.state, bounds.from, bounds.to, !!history.data?.next);
  const bad = strip
    .filter((x) => x.state !== 'ok' && x.state !== 'pending')
    .map((x) => ({ from: x.from, to: x.to, tone: x.state === 'critical' ? ('down' as const) : ('warn' as const) }));
  return (
    <Panel
      title={several ? `Response time from ${main?.labels.from ?? 'the server'}` : 'Response time'}
      tools={<TimeRange value={s} onChange={set} presets={RECENT} fallback="-1h" />}
    >
      <div className={classes.strip}>
        <StateStrip spans={strip} from={bounds.from} to={bounds.to} label={`States of ${c.name}`} />
      </div>
      <LiveChart
        name={`Response time of ${c.name}`}
        data={duration}
        series={[{ label: 'Response time', area: true }]}
        unit="seconds"
        height={190}
        spans={bad}
        range={bounds}
        legend="hover"
        onZoom={(a, b) => set({ from: new Date(a * 1000).toISOString(), to: new Date(b * 1000).toISOString() })}
      />
      {query.isError && <p className="muted">The graph cannot be drawn: the metric store does not answer.</p>}
      {others.length > 0 && (
        <div className={classes.measures}>
          {others.slice(0, 12).map((l) => (
            <Small key={JSON.stringify(l.labels)} line={l} />
          ))}
        </div>
      )}
    </Panel>
  );
}

const isDuration = (l: { labels: Record<string, string> }) => l.labels.__name__ === 'probe_duration_seconds';

const HIDDEN = new Set(['__name__', 'check', 'item', 'type']);

function Small({ line }: { line: { labels: Record<string, string>; x: number[]; y: (number | null)[] } }) {
  const data = useMemo(() => new ChartData(1, 5000), []);
  useEffect(() => data.set(line.x, [line.y]), [line, data]);
  const name = line.labels.__name__ ?? '';
  const rest = Object.entries(line.labels)
    .filter(([k]) => !HIDDEN.has(k))
    .map(([, v]) => v)
    .join(', ');
  const title = `${measureTitle(name)}${rest ? `, ${rest}` : ''}`;
  const last = line.y.findLast((y) => y !== null);
  const unit = name.endsWith('_seconds')
    ? 'seconds'
    : name.endsWith('_bytes')
      ? 'bytes'
      : name.endsWith('_ratio')
        ? 'percent'
        : undefined;
  return (
    <div>
      <div className={classes.measure}>
        <span className="muted">{title}</span>
        {last !== undefined && last !== null && <b className="num">{byUnit(last, unit)}</b>}
      </div>
      <LiveChart name={title} data={data} series={[{ label: title }]} unit={unit} height={84} legend="hover" />
    </div>
  );
}

const WORD: Record<string, string> = {
  'notice problem': 'People were told',
  'notice recovery': 'People were told of the recovery',
  'notice flapping_start': 'Flapping began',
  'notice flapping_end': 'Flapping ended',
};

function History({ check: c }: { check: CheckDetail }) {
  const query = useQuery(historyQuery(c.name));
  useLiveQuery('checks', ['check', c.name, 'history'], c.name);
  return (
    <Panel title="History" flush>
      <Loaded query={query} what="The history" small rows={4}>
        {(list) =>
          list.items.length ? (
            <table className="plain">
              <thead>
                <tr>
                  <th style={{ width: 110 }}>When</th>
                  <th style={{ width: 210 }}>What</th>
                  <th>Output</th>
                </tr>
              </thead>
              <tbody>
                {list.items.slice(0, 60).map((h) => (
                  <tr key={h.id}>
                    <td>
                      <Time at={h.at} />
                    </td>
                    <td>
                      {h.kind === 'state' ? (
                        <StatusMark state={h.to} soft={!h.hard && h.to !== 'ok'} />
                      ) : (
                        <span className="muted">{WORD[h.kind] ?? h.kind.replace('withheld', 'Not told:')}</span>
                      )}
                    </td>
                    <td className="muted">{h.output}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <p className="muted" style={{ padding: 8 }}>
              Nothing has changed since this check exists.
            </p>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Side({ check: c }: { check: CheckDetail }) {
  const client = useQueryClient();
  useEffect(() => {
    void client.invalidateQueries({ queryKey: ['check', c.name, 'history'] });
  }, [client, c.name]);
  const item = (n: string) => <Link to={`/estate/items/${encodeURIComponent(n)}` as string}>{n}</Link>;
  const check = (n: string) => (
    <Link key={n} to={`/observe/checks/${encodeURIComponent(n)}` as string} style={{ display: 'block' }}>
      {n}
    </Link>
  );
  return (
    <>
      <SideSection title="Check">
        <KeyValue
          rows={[
            ['Item', c.item && item(c.item)],
            ['Type', c.type],
            ['Target', c.target && <span className="mono">{c.target}</span>],
            ['Runs from', c.type !== 'passive' && whereText(c.from, c.runs_at)],
            ['Attempts', `${c.attempts}, then it is sure`],
            ['Retry every', brief(c.retry_every)],
            ['Freshness', c.freshness && brief(c.freshness)],
            ['Parents', c.parents?.length ? c.parents.map(check) : undefined],
            ['One of', c.any_parent?.length ? c.any_parent.map(check) : undefined],
            ['Enabled', c.enabled ? undefined : 'No: it does not run'],
          ]}
        />
      </SideSection>
      {(c.withheld?.length ?? 0) > 0 && (
        <SideSection title="People are not told">
          {c.withheld?.map((w) => (
            <Pill key={w} tone="maint">
              {w}
            </Pill>
          ))}
        </SideSection>
      )}
      {Object.keys(c.probe).length > 0 && (
        <SideSection title="Configuration">
          <KeyValue
            rows={Object.entries(c.probe).map(([k, v]) => [
              k,
              <span key={k} className="mono" style={{ overflowWrap: 'anywhere' }}>
                {typeof v === 'object' ? JSON.stringify(v) : String(v)}
              </span>,
            ])}
          />
        </SideSection>
      )}
      {c.why.length > 0 && (
        <SideSection title="Why this state">
          {c.why.map((r) => (
            <p key={r.id} className="muted" style={{ margin: '0 0 4px' }}>
              {r.text}
            </p>
          ))}
        </SideSection>
      )}
    </>
  );
}
