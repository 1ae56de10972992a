import { SegmentedControl, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { call, http } from '@/api/client';
import { range } from '@/lib/prom';
import { ChartData } from '@/ui/chart-data';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { LiveChart } from '@/ui/LiveChart';
import { Skeleton } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { noExporters } from './exporters';
import classes from './flows.module.css';
import { flowsURL, rate } from './model';
import { exportersQuery, topQuery } from './queries';

const HOURS = { '1h': 1, '6h': 6, '24h': 24, '7d': 168 } as const;
type Hours = keyof typeof HOURS;

/** The interfaces of a device as SNMP counts them; a peak leads to who caused it. And who talks through the device. */
export default function ItemFlows({ item }: { item: string }) {
  const list = useQuery(exportersQuery(item));
  const [hours, setHours] = useState<Hours>('6h');
  if (list.error) return <ErrorState what="The flows" error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton rows={8} height={24} />;
  const x = list.data.items[0];
  if (!x) return <PageBody label="Flows">{noExporters}</PageBody>;
  return (
    <PageBody label="Flows">
      <div className={classes.itemHead}>
        <SegmentedControl
          aria-label="Time range"
          data={Object.keys(HOURS)}
          value={hours}
          onChange={(v) => setHours(v as Hours)}
        />
        <Link to={flowsURL({ filter: [`exporter:${x.value}`], from: `-${hours}` }) as string}>All its flows</Link>
      </div>
      <Interfaces item={item} exporter={x.value} hours={HOURS[hours]} />
      <Talkers exporter={x.value} hours={HOURS[hours]} />
    </PageBody>
  );
}

function Interfaces({ item, exporter, hours }: { item: string; exporter: string; hours: number }) {
  const [chosen, setChosen] = useState<string>();
  const navigate = useNavigate();
  const list = useQuery({
    queryKey: ['flows', 'interfaces', exporter],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/flows/exporters/{address}/interfaces', { params: { path: { address: exporter } }, signal }),
      ),
  });
  const ports = list.data?.items ?? [];
  const port = ports.find((p) => p.value === chosen) ?? ports[0];
  const end = Math.floor(Date.now() / 60_000) * 60;
  const graph = useQuery({
    queryKey: ['flows', 'interface', item, port?.name, hours, end],
    enabled: !!port?.name,
    queryFn: async ({ signal }) => {
      const of = `{item=${JSON.stringify(item)},interface=${JSON.stringify(port?.name)}}`;
      const step = Math.max(60, Math.ceil((hours * 3600) / 300 / 60) * 60);
      const w = Math.max(300, step);
      const [a, b] = await Promise.all([
        range(`sum(rate(network_interface_in_bytes_total${of}[${w}s])) * 8`, end - hours * 3600, end, step, signal),
        range(`sum(rate(network_interface_out_bytes_total${of}[${w}s])) * 8`, end - hours * 3600, end, step, signal),
      ]);
      return { x: a[0]?.x ?? b[0]?.x ?? [], in: a[0]?.y ?? [], out: b[0]?.y ?? [] };
    },
  });
  const data = useMemo(() => {
    const d = new ChartData(2);
    if (graph.data?.x.length) d.set(graph.data.x, [graph.data.in, graph.data.out]);
    return d;
  }, [graph.data]);
  if (!port) return null;
  const to = (from: number, until: number) =>
    flowsURL({
      by: 'src',
      filter: [`interface:${port.value}`],
      from: new Date(from * 1000).toISOString(),
      to: new Date(until * 1000).toISOString(),
    });
  const peak = peakOf(graph.data);
  return (
    <Panel
      title="Interface"
      note="Drag over a peak to see who caused it."
      tools={
        <Select
          aria-label="Interface"
          data={ports.map((p) => ({
            value: p.value,
            label: p.alias ? `${p.name} (${p.alias})` : p.name || `interface ${p.index}`,
          }))}
          value={port.value}
          onChange={(v) => v && setChosen(v)}
          allowDeselect={false}
          searchable
          w={220}
        />
      }
    >
      {graph.error ? (
        <ErrorState small what="The graph" error={graph.error} retry={() => void graph.refetch()} />
      ) : graph.data && graph.data.x.length === 0 ? (
        <EmptyState
          small
          title="SNMP counts nothing on this interface"
          hint="The device is not polled, or the interface has another name there. Flows are counted all the same."
        />
      ) : (
        <LiveChart
          name={`Traffic of ${port.name}`}
          data={data}
          series={[{ label: 'in', area: true }, { label: 'out' }]}
          unit="bit/s"
          onZoom={(a, b) => void navigate({ to: to(a, b) as string })}
        />
      )}
      <div className={classes.itemHead}>
        {peak && (
          <Link to={to(peak.at - 300, peak.at + 300) as string}>
            Who caused the peak of {rate(peak.value / 8, 1, 'bytes')}?
          </Link>
        )}
        <Link to={flowsURL({ by: 'src', filter: [`interface:${port.value}`], from: `-${hours}h` }) as string}>
          Who uses this interface?
        </Link>
      </div>
    </Panel>
  );
}

function peakOf(g: { x: number[]; in: (number | null)[]; out: (number | null)[] } | undefined) {
  let best: { at: number; value: number } | undefined;
  g?.x.forEach((t, i) => {
    const v = Math.max(g.in[i] ?? 0, g.out[i] ?? 0);
    if (v > 0 && (!best || v > best.value)) best = { at: t, value: v };
  });
  return best;
}

function Talkers({ exporter, hours }: { exporter: string; hours: number }) {
  const end = Math.ceil(Date.now() / 60_000) * 60_000;
  const asked = useMemo(
    () => ({
      from: new Date(end - hours * 3_600_000).toISOString(),
      to: new Date(end).toISOString(),
      filter: [`exporter:${exporter}`],
    }),
    [end, hours, exporter],
  );
  const top = useQuery(topQuery(asked, 'pair', 'bytes', 10, false));
  if (top.error)
    return <ErrorState small what="The conversations" error={top.error} retry={() => void top.refetch()} />;
  return (
    <Panel title="Who talks through it" note={top.data?.note} flush>
      {!top.data ? (
        <Skeleton rows={5} height={24} />
      ) : top.data.rows.length === 0 ? (
        <EmptyState small title="No flows in this time" />
      ) : (
        <table className="plain">
          <tbody>
            {top.data.rows.map((r) => (
              <tr key={r.key[0]}>
                <td>
                  <Link
                    to={
                      flowsURL({
                        by: 'app',
                        filter: [`exporter:${exporter}`, `pair:${r.key[0]}`],
                        from: `-${hours}h`,
                      }) as string
                    }
                  >
                    {r.labels[0]?.text}
                  </Link>
                </td>
                <td data-right className="num">
                  {rate(r.bytes, top.data.seconds, 'bytes')}
                </td>
                <td data-right className="num">
                  {r.percent.toFixed(1)} %
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
