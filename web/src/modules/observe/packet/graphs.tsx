import { Button, SegmentedControl, TextInput } from '@mantine/core';
import { IconFileSearch, IconPlus, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { call, http } from '@/api/client';
import { byUnit, integer } from '@/lib/format';
import { ChartData } from '@/ui/chart-data';
import { EmptyState } from '@/ui/EmptyState';
import { LiveChart } from '@/ui/LiveChart';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import classes from './capture.module.css';
import { windowTest } from './model';

const MOST = 8;

/** Packets or bits over time, a line for each display filter. Drawing over a time shows its packets. */
export function IOGraph({
  id,
  version,
  filters,
  setFilters,
  show,
}: {
  id: string;
  version: string | number;
  filters: string[];
  setFilters: (f: string[]) => void;
  show: (filter: string) => void;
}) {
  const [unit, setUnit] = useState<'packets' | 'bytes'>('packets');
  const [draft, setDraft] = useState('');
  const lines = filters.length ? filters : [''];
  const q = useQuery({
    queryKey: ['packet-graph', id, version, unit, lines],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/captures/{id}/graph', {
          params: { path: { id }, query: { filter: lines, unit } },
          signal,
        }),
      ),
    placeholderData: (old) => old,
    retry: false,
  });
  const add = () => {
    if (draft.trim() && lines.length < MOST) setFilters([...lines, draft.trim()]);
    setDraft('');
  };
  return (
    <PageBody label="Graph">
      <Panel
        title={unit === 'bytes' ? 'Bits per second' : 'Packets per second'}
        note="Draw over a time to see its packets."
        tools={
          <SegmentedControl
            size="xs"
            aria-label="Unit"
            data={[
              { value: 'packets', label: 'Packets' },
              { value: 'bytes', label: 'Bits' },
            ]}
            value={unit}
            onChange={(v) => setUnit(v as 'packets' | 'bytes')}
          />
        }
      >
        <Loaded query={q} what="The graph">
          {(d) =>
            d.lines.every((l) => l.total === 0) ? (
              <EmptyState icon={IconFileSearch} title="No packet fits" hint="Change the filters below." small />
            ) : (
              <Drawn
                name={unit === 'bytes' ? 'Bits per second over time' : 'Packets per second over time'}
                unit={unit === 'bytes' ? 'bits/s' : undefined}
                start={Date.parse(d.start) / 1000}
                step={d.interval}
                lines={d.lines.map((l) => ({
                  label: `${l.filter || 'all packets'} (${integer(l.total)})`,
                  values: l.values.map((v) => (unit === 'bytes' ? v * 8 : v) / d.interval),
                }))}
                onZoom={(from, to) => show(windowTest(from, to))}
              />
            )
          }
        </Loaded>
        <ul className={classes.lines}>
          {lines.map((f, i) => (
            <li key={f}>
              <code>{f || 'all packets'}</code>
              <Button
                size="compact-xs"
                variant="subtle"
                aria-label={`Remove ${f || 'all packets'}`}
                disabled={lines.length === 1}
                onClick={() => setFilters(lines.filter((_, j) => j !== i))}
              >
                <IconX size={13} />
              </Button>
            </li>
          ))}
        </ul>
        <div className={classes.addLine}>
          <TextInput
            aria-label="Display filter of another line"
            placeholder="Another line: tcp.analysis.retransmission"
            value={draft}
            onChange={(e) => setDraft(e.currentTarget.value)}
            onKeyDown={(e) => e.key === 'Enter' && add()}
          />
          <Button
            variant="default"
            leftSection={<IconPlus size={14} />}
            disabled={!draft.trim() || lines.length >= MOST}
            onClick={add}
          >
            Add
          </Button>
        </div>
      </Panel>
    </PageBody>
  );
}

interface DrawnLine {
  label: string;
  values: number[];
}

function Drawn(p: {
  name: string;
  unit?: string;
  start: number;
  step: number;
  lines: DrawnLine[];
  onZoom?: (from: number, to: number) => void;
}) {
  const data = useMemo(() => {
    const n = p.lines[0]?.values.length ?? 0;
    const c = new ChartData(p.lines.length, n + 1);
    c.set(
      Array.from({ length: n }, (_, i) => p.start + i * p.step),
      p.lines.map((l) => l.values),
    );
    return c;
  }, [p.start, p.step, p.lines]);
  return (
    <LiveChart
      name={p.name}
      data={data}
      series={p.lines.map((l) => ({ label: l.label }))}
      unit={p.unit}
      height={260}
      onZoom={p.onZoom}
    />
  );
}

/** Round trips and throughput of the TCP connection of a packet. */
export function Timing({ id, conversation }: { id: string; conversation: number }) {
  const q = useQuery({
    queryKey: ['packet-timing', id, conversation],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/captures/{id}/streams/{conversation}/timing', {
          params: { path: { id, conversation } },
          signal,
        }),
      ),
  });
  return (
    <Loaded query={q} what="The timing">
      {(d) => (
        <div className={classes.timing}>
          <KeyValue
            rows={[
              ['Packets', integer(d.packets)],
              ['Sent again', integer(d.retransmissions)],
              ['Handshake', d.handshake ? byUnit(d.handshake, 'seconds') : 'not captured'],
            ]}
          />
          {d.rtt.length > 1 ? (
            <Points name="Round trip" unit="seconds" series={[{ label: 'round trip', points: d.rtt }]} />
          ) : (
            <EmptyState icon={IconFileSearch} title="No round trip was seen" small />
          )}
          {d.to_server.length > 1 && (
            <Points
              name="Throughput"
              unit="bits/s"
              series={[
                { label: 'to the server', points: d.to_server },
                { label: 'to the client', points: d.to_client },
              ]}
            />
          )}
        </div>
      )}
    </Loaded>
  );
}

function Points({
  name,
  unit,
  series,
}: {
  name: string;
  unit: string;
  series: { label: string; points: readonly (readonly number[])[] }[];
}) {
  const data = useMemo(() => {
    const x = (series[0]?.points ?? []).map((p) => p[0] ?? 0);
    const c = new ChartData(series.length, x.length + 1);
    c.set(
      x,
      series.map((s) => s.points.map((p) => p[1] ?? 0)),
    );
    return c;
  }, [series]);
  return (
    <section aria-label={name}>
      <h3 className={classes.chartHead}>{name}</h3>
      <LiveChart name={name} data={data} series={series.map((s) => ({ label: s.label }))} unit={unit} height={160} />
    </section>
  );
}
