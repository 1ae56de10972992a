import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { Problem } from '@/api/problems';
import { bytes } from '@/lib/format';
import { useLiveQuery } from '@/lib/stream';
import { ChartData } from '@/ui/chart-data';
import { LiveChart } from '@/ui/LiveChart';
import { Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { Broken } from './broken';
import classes from './overview.module.css';
import { type Host, hostQuery, series } from './queries';

/** The machine that Mainstay runs on: what it is and what it does. */
export function ThisHost() {
  const query = useQuery(hostQuery);
  useLiveQuery('host', ['host']);
  const h = query.data;
  // 404: it is switched off. 503: the server has just started; a note follows when it was read.
  if (!h && query.isError && !(query.error instanceof Problem && [404, 503].includes(query.error.status)))
    return <Broken title="This machine" query={query} />;
  if (!h) return null;
  const label = `{item=${JSON.stringify(h.name)}}`;
  const net = h.interfaces
    .filter((i) => i.name !== 'lo')
    .reduce((s, i) => s + i.receive_bytes_per_second + i.transmit_bytes_per_second, 0);
  const used = h.memory_total_bytes - h.memory_available_bytes;
  return (
    <Panel
      title="This machine"
      note={<Link to={`/estate/items/${encodeURIComponent(h.name)}` as string}>{h.name}</Link>}
    >
      <div className={`${classes.facts} muted`}>
        <span>{h.os}</span>
        <span>
          {h.cpus} × {h.cpu_model}
        </span>
        <span>{bytes(h.memory_total_bytes)} memory</span>
        <span>
          up <Time at={h.booted_at} mode="age" />
        </span>
      </div>
      <div className={classes.charts}>
        <Figure
          label="Processor"
          value={`${Math.round(h.cpu_usage * 100)} %`}
          query={`100 * host_cpu_usage_ratio${label}`}
          unit="percent"
        />
        <Figure
          label="Memory"
          value={`${bytes(used)} of ${bytes(h.memory_total_bytes)}`}
          query={`host_memory_total_bytes${label} - host_memory_available_bytes${label}`}
          unit="bytes"
        />
        <Figure label="Load" value={`${h.load1.toFixed(2)} on ${h.cpus}`} query={`host_load1${label}`} />
        <Figure
          label="Network"
          value={`${bytes(net)}/s`}
          query={`sum(rate(host_network_receive_bytes_total{item=${JSON.stringify(h.name)},device!="lo"}[1m]) + rate(host_network_transmit_bytes_total{item=${JSON.stringify(h.name)},device!="lo"}[1m]))`}
          unit="bytes"
        />
      </div>
      <Disks host={h} />
    </Panel>
  );
}

function Figure({ label, value, query, unit }: { label: string; value: string; query: string; unit?: string }) {
  const q = useQuery({
    queryKey: ['series', query],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => series(query, signal),
  });
  const data = useMemo(() => new ChartData(1, 1000), []);
  useEffect(() => {
    if (q.data) data.set(q.data.x, [q.data.y]);
  }, [q.data, data]);
  return (
    <div className={classes.chart}>
      <div>
        <span className="muted">{label}</span>
        <b className="num">{value}</b>
      </div>
      <LiveChart
        name={`${label}, last hour`}
        data={data}
        series={[{ label, area: true }]}
        unit={unit}
        height={84}
        legend="hover"
      />
    </div>
  );
}

function Disks({ host }: { host: Host }) {
  if (!host.filesystems.length) return null;
  return (
    <div className={classes.disks}>
      {host.filesystems.slice(0, 8).map((f) => {
        const share = f.size_bytes ? 1 - f.free_bytes / f.size_bytes : 0;
        return [
          <span key={`${f.mount}n`} className="mono">
            {f.mount}
          </span>,
          <div
            key={`${f.mount}b`}
            className={classes.bar}
            data-full={share > 0.9 || undefined}
            role="img"
            aria-label={`${f.mount} is ${Math.round(share * 100)} % full`}
          >
            <i style={{ width: `${Math.round(share * 100)}%` }} />
          </div>,
          <span key={`${f.mount}v`} className="num muted">
            {bytes(f.free_bytes)} free of {bytes(f.size_bytes)}
          </span>,
        ];
      })}
    </div>
  );
}
