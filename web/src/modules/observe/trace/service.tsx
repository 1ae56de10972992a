import { Button, NumberInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { integer, milliseconds } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { quoted, range } from '@/lib/prom';
import { type Range, RECENT, resolveRange } from '@/lib/range';
import { useUrlState } from '@/lib/url';
import { ChartData } from '@/ui/chart-data';
import { LiveChart } from '@/ui/LiveChart';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { TimeRange } from '@/ui/TimeRange';
import { done, failed } from '@/ui/toast';
import { Apdex, FailedShare, rate, Statements } from './parts';
import { FALLBACK, serviceQuery, setApdex } from './queries';

export const Route = createLazyRoute('/observe/services/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [s, set] = useUrlState<Range>();
  const query = useQuery({ ...serviceQuery(name, s), refetchInterval: 30_000 });
  const enc = encodeURIComponent;
  return (
    <>
      <PageHead title={name} parent={{ label: 'Services', to: '/observe/services' }}>
        <Spacer />
        <TimeRange value={s} onChange={set} presets={RECENT} fallback={FALLBACK} />
        <Button variant="default" component={Link} to={`/observe/traces?service=${enc(name)}` as string}>
          Traces
        </Button>
        <Button variant="default" component={Link} to={`/observe/errors?service=${enc(name)}` as string}>
          Errors
        </Button>
      </PageHead>
      <Loaded query={query} what="The service" rows={10}>
        {(d) => (
          <DetailLayout
            label="Service"
            side={
              <>
                <SideSection title="Service">
                  <KeyValue
                    rows={[
                      ['Item', d.item && <Link to={`/estate/items/${enc(d.item)}` as string}>{d.item}</Link>],
                      ['Versions', d.versions.join(', ')],
                    ]}
                  />
                </SideSection>
                <SideSection title="Apdex threshold">
                  <Threshold key={d.apdex_ms} name={name} ms={d.apdex_ms} />
                </SideSection>
                {d.deployments.length > 0 && (
                  <SideSection title="Deployments">
                    <KeyValue
                      rows={d.deployments.map((x) => [x.version, <Time key={x.version} at={x.first_seen} />] as const)}
                    />
                  </SideSection>
                )}
              </>
            }
          >
            <Stats>
              <Stat label="Requests" value={rate(d)} note={`${integer(d.requests)} in this time`} />
              <Stat label="Failed" value={<FailedShare r={d} />} note={d.failed ? integer(d.failed) : undefined} />
              <Stat
                label="p95"
                value={d.requests ? milliseconds(d.p95_ms) : '–'}
                note={`p50 ${milliseconds(d.p50_ms)}, p99 ${milliseconds(d.p99_ms)}`}
              />
              <Stat label="Apdex" value={<Apdex value={d.apdex} />} note={`satisfied up to ${d.apdex_ms} ms`} />
            </Stats>
            <Graphs name={name} time={s} deployed={d.deployments.map((x) => Date.parse(x.first_seen) / 1000)} />
            <Panel title="Operations" note="Those that cost most time come first." flush>
              {d.operations.length ? (
                <table className="plain">
                  <thead>
                    <tr>
                      <th>Operation</th>
                      <th style={{ width: 100, textAlign: 'right' }}>Requests</th>
                      <th style={{ width: 80, textAlign: 'right' }}>Failed</th>
                      <th style={{ width: 80, textAlign: 'right' }}>p50</th>
                      <th style={{ width: 80, textAlign: 'right' }}>p95</th>
                      <th style={{ width: 80, textAlign: 'right' }}>p99</th>
                      <th style={{ width: 90, textAlign: 'right' }}>All together</th>
                    </tr>
                  </thead>
                  <tbody>
                    {d.operations.map((o) => (
                      <tr key={o.name}>
                        <td>
                          <Link to={`/observe/traces?service=${enc(name)}&operation=${enc(o.name)}` as string}>
                            {o.name}
                          </Link>
                        </td>
                        <td className="num" style={{ textAlign: 'right' }}>
                          {rate(o)}
                        </td>
                        <td className="num" style={{ textAlign: 'right' }}>
                          <FailedShare r={o} />
                        </td>
                        <td className="num" style={{ textAlign: 'right' }}>
                          {milliseconds(o.p50_ms)}
                        </td>
                        <td className="num" style={{ textAlign: 'right' }}>
                          {milliseconds(o.p95_ms)}
                        </td>
                        <td className="num" style={{ textAlign: 'right' }}>
                          {milliseconds(o.p99_ms)}
                        </td>
                        <td className="num" style={{ textAlign: 'right' }}>
                          {milliseconds(o.total_ms)}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              ) : (
                <p className="muted" style={{ padding: 8 }}>
                  No request in this time.
                </p>
              )}
            </Panel>
            <Panel title="Statements" note="Of databases, without their values." flush>
              <Statements list={d.statements} />
            </Panel>
          </DetailLayout>
        )}
      </Loaded>
    </>
  );
}

function Threshold({ name, ms }: { name: string; ms: number }) {
  const may = useCan();
  const client = useQueryClient();
  const [v, setV] = useState(ms);
  if (!may('trace.write')) return <p style={{ margin: 0 }}>{ms} ms</p>;
  const save = () =>
    setApdex(name, v).then(
      () => {
        done(`Answers of ${name} satisfy up to ${v} ms.`);
        void client.invalidateQueries({ queryKey: ['traced-services'] });
      },
      (e) => failed('The threshold', e),
    );
  return (
    <div style={{ display: 'flex', gap: 6 }}>
      <NumberInput
        aria-label="Apdex threshold in milliseconds"
        suffix=" ms"
        min={1}
        max={600_000}
        value={v}
        onChange={(n) => setV(Number(n))}
      />
      <Button variant="default" disabled={v === ms || v < 1} onClick={() => void save()}>
        Set
      </Button>
    </div>
  );
}

function Graphs({ name, time, deployed }: { name: string; time: Range; deployed: number[] }) {
  const at = resolveRange(time, Date.now(), FALLBACK);
  const from = at.from.getTime() / 1000;
  const to = at.to.getTime() / 1000;
  const step = Math.max(Math.ceil((to - from) / 240), 15);
  const w = `${Math.max(step * 2, 60)}s`;
  const sel = `service=${quoted(name)}`;
  const q = (expr: string) => ({
    queryKey: ['service-graph', expr, Math.floor(to / step), Math.floor((to - from) / step)],
    placeholderData: <T,>(old: T) => old,
    queryFn: ({ signal }: { signal: AbortSignal }) => range(expr, from, to, step, signal),
  });
  const requests = useQuery(q(`sum by (failed) (rate(trace_requests_total{${sel}}[${w}]))`));
  const slow = useQuery(
    q(`histogram_quantile(0.95, sum by (le) (rate(trace_request_duration_seconds_bucket{${sel}}[${w}])))`),
  );
  const rates = useMemo(() => new ChartData(2), []);
  const p95 = useMemo(() => new ChartData(1), []);
  useEffect(() => {
    const good = requests.data?.find((l) => l.labels.failed === 'false');
    const bad = requests.data?.find((l) => l.labels.failed === 'true');
    const x = good?.x ?? bad?.x ?? [];
    rates.set(x, [good?.y ?? [], bad?.y ?? []]);
  }, [requests.data, rates]);
  useEffect(() => p95.set(slow.data?.[0]?.x ?? [], [slow.data?.[0]?.y ?? []]), [slow.data, p95]);
  const marks = deployed
    .filter((d) => d >= from && d <= to)
    .map((d) => ({ from: d, to: d + step / 2, tone: 'maint' as const }));
  const bounds = { from, to };
  return (
    <div style={{ display: 'grid', gap: 12, gridTemplateColumns: 'repeat(auto-fit, minmax(280px, 1fr))' }}>
      <Panel title="Requests" note="in a second">
        <LiveChart
          name={`Requests of ${name}`}
          data={rates}
          series={[
            { label: 'good', area: true },
            { label: 'failed', color: 2 },
          ]}
          height={150}
          range={bounds}
          spans={marks}
          sync="service"
        />
      </Panel>
      <Panel title="p95 of the duration">
        <LiveChart
          name={`Duration of ${name}`}
          data={p95}
          series={[{ label: 'p95' }]}
          unit="seconds"
          height={150}
          range={bounds}
          spans={marks}
          legend="hover"
          sync="service"
        />
      </Panel>
    </div>
  );
}
