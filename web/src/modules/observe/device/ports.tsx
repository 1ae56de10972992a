import { Button, CloseButton } from '@mantine/core';
import { IconBell, IconBellOff } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { quoted, range } from '@/lib/prom';
import { resolveRange } from '@/lib/range';
import { ChartData } from '@/ui/chart-data';
import { type Column, DataGrid, SelectionBar } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { SearchBox } from '@/ui/Filters';
import { LiveChart } from '@/ui/LiveChart';
import { Loaded } from '@/ui/Loading';
import { Spacer, Toolbar } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { TimeRange } from '@/ui/TimeRange';
import { done, failed } from '@/ui/toast';
import classes from './device.module.css';
import { bits, portState, shown, usage } from './model';
import { Bar } from './parts';
import { type Device, type Port, setPolling } from './queries';

export interface Search {
  tab?: 'health' | 'routing' | 'polling';
  q?: string;
  port?: string;
  from?: string;
  to?: string;
}

const none = <span className="muted">–</span>;
const rate = (v: number | null) => (v === null ? none : v > 0 ? Number(v.toPrecision(2)) : '0');
const idOf = (p: Port) => p.name;

function columns(watched: ReadonlySet<string>): Column<Port>[] {
  return [
    { id: 'state', label: 'State', width: 90, render: (p) => <StatusMark state={portState(p)} /> },
    { id: 'name', label: 'Interface', min: 130, main: true, mono: true, render: (p) => p.name },
    { id: 'alias', label: 'Description', min: 150, render: (p) => p.alias },
    { id: 'speed', label: 'Speed', width: 100, right: true, render: (p) => (p.speed_bps ? bits(p.speed_bps) : none) },
    { id: 'in', label: 'In', width: 110, right: true, render: (p) => bits(times8(p.in_bytes_per_second)) || none },
    { id: 'out', label: 'Out', width: 110, right: true, render: (p) => bits(times8(p.out_bytes_per_second)) || none },
    {
      id: 'usage',
      label: 'Used',
      min: 130,
      render: (p) => {
        const u = usage(p);
        return u === undefined ? none : <Bar ratio={u} label={p.name} />;
      },
    },
    { id: 'errors', label: 'Errors/s', width: 90, right: true, render: (p) => rate(p.errors_per_second) },
    { id: 'discards', label: 'Drops/s', width: 90, right: true, render: (p) => rate(p.discards_per_second) },
    {
      id: 'check',
      label: 'Check',
      width: 80,
      render: (p) => (watched.has(p.name) ? <IconBell size={14} aria-label="has a check of its own" /> : ''),
    },
    {
      id: 'changed',
      label: 'Changed',
      width: 100,
      right: true,
      render: (p) => (p.changed_at ? <Time at={p.changed_at} /> : ''),
    },
  ];
}
const times8 = (v: number | null) => (v === null ? null : v * 8);
const card = (p: Port) => (
  <>
    <StatusMark state={portState(p)} />
    <span className="num muted">
      {bits(times8(p.in_bytes_per_second))} / {bits(times8(p.out_bytes_per_second))}
    </span>
    <span className="mono" style={{ color: 'var(--tx-0)' }}>
      {p.name}
    </span>
    <span className="muted">{p.alias}</span>
  </>
);
const faded = (p: Port) => portState(p) === 'off';

/** The interfaces of a device with their rates; one that is chosen with its graphs. */
export function Ports({
  device,
  search: s,
  set,
}: {
  device: Device;
  search: Search;
  set: (p: Partial<Search>) => void;
}) {
  const may = useCan()('check.write');
  const client = useQueryClient();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const watched = useMemo(() => new Set(device.watch), [device.watch]);
  const cols = useMemo(() => columns(watched), [watched]);
  const list = useMemo(() => shown(device.interfaces, s.q), [device.interfaces, s.q]);
  const rows = useClientRows(list, idOf);
  const port = device.interfaces.find((p) => p.name === s.port);
  const watch = async (on: boolean) => {
    const next = new Set(device.watch);
    for (const n of chosen) {
      if (on) next.add(n);
      else next.delete(n);
    }
    try {
      await setPolling(device.item, { every_seconds: device.every_seconds, watch: [...next] });
      await client.invalidateQueries({ queryKey: ['device', device.item] });
      done(on ? 'Each of them has a check now.' : 'Their checks are removed.');
      setChosen(new Set());
    } catch (e) {
      failed('The checks of the interfaces', e);
    }
  };
  return (
    <>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Name or description"
          label="Find interfaces"
        />
        <Spacer />
        {port && <TimeRange value={s} onChange={(r) => set(r)} fallback="-6h" />}
      </Toolbar>
      {port && <PortGraphs device={device.item} port={port} search={s} set={set} />}
      <DataGrid
        label="Interfaces"
        columns={cols}
        rows={rows}
        card={card}
        faded={faded}
        selected={may && device.state !== 'off' ? chosen : undefined}
        onSelect={setChosen}
        onOpen={(p) => set({ port: p.name === s.port ? undefined : p.name })}
        empty={
          s.q ? (
            <EmptyState title="No interface has this in its name" hint="Change or clear the text." />
          ) : (
            <EmptyState
              title="No interface is known yet"
              hint={
                device.state === 'off'
                  ? 'Polling is switched off. Switch it on under Polling.'
                  : 'They come with the first poll that succeeds.'
              }
            />
          )
        }
      />
      {chosen.size > 0 && (
        <SelectionBar count={chosen.size} onClear={() => setChosen(new Set())}>
          <Button leftSection={<IconBell size={14} />} onClick={() => void watch(true)}>
            Alert when down
          </Button>
          <Button variant="default" leftSection={<IconBellOff size={14} />} onClick={() => void watch(false)}>
            No alert
          </Button>
        </SelectionBar>
      )}
    </>
  );
}

function PortGraphs({
  device,
  port,
  search: s,
  set,
}: {
  device: string;
  port: Port;
  search: Search;
  set: (p: Partial<Search>) => void;
}) {
  const data = useMemo(() => new ChartData(2, 3000), []);
  const errors = useMemo(() => new ChartData(2, 3000), []);
  const q = useQuery({
    queryKey: ['device', device, 'port', port.name, s.from, s.to],
    refetchInterval: 30_000,
    queryFn: async ({ signal }) => {
      const r = resolveRange(s, Date.now(), '-6h');
      const from = r.from.getTime() / 1000;
      const to = r.to.getTime() / 1000;
      const step = Math.max(30, Math.round((to - from) / 600));
      const of = `{item=${quoted(device)},interface=${quoted(port.name)}}`;
      const win = `[${Math.max(150, step * 2)}s]`;
      const rateOf = (metric: string) => `sum(rate(${metric}${of}${win}))`;
      const ask = (query: string) => range(query, from, to, step, signal).then((l) => l[0]);
      const both = (what: string) =>
        ask(`${rateOf(`network_interface_in_${what}_total`)} + ${rateOf(`network_interface_out_${what}_total`)}`);
      const [i, o, e, d] = await Promise.all([
        ask(`8 * ${rateOf('network_interface_in_bytes_total')}`),
        ask(`8 * ${rateOf('network_interface_out_bytes_total')}`),
        both('errors'),
        both('discards'),
      ]);
      return { range: { from, to }, traffic: join(i, o), trouble: join(e, d) };
    },
  });
  useEffect(() => {
    if (!q.data) return;
    data.set(q.data.traffic.x, q.data.traffic.ys);
    errors.set(q.data.trouble.x, q.data.trouble.ys);
  }, [q.data, data, errors]);
  const zoom = (from: number, to: number) =>
    set({ from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString() });
  return (
    <div className={classes.chart}>
      <div className={classes.chartHead}>
        <b className="mono">{port.name}</b>
        <span className="muted">{port.alias}</span>
        <StatusMark state={portState(port)} />
        <Spacer />
        <CloseButton size="sm" aria-label="Close the graphs" onClick={() => set({ port: undefined })} />
      </div>
      <Loaded query={q} what="The graphs" small rows={5}>
        {(d) =>
          d.traffic.x.length ? (
            <>
              <LiveChart
                name={`Traffic of ${port.name}`}
                data={data}
                series={[{ label: 'In', area: true }, { label: 'Out' }]}
                unit="bit/s"
                height={170}
                range={d.range}
                sync="port"
                onZoom={zoom}
              />
              <LiveChart
                name={`Errors and drops of ${port.name}, per second`}
                data={errors}
                series={[
                  { label: 'Errors/s', color: 8 },
                  { label: 'Drops/s', color: 4 },
                ]}
                height={90}
                range={d.range}
                sync="port"
                onZoom={zoom}
              />
            </>
          ) : (
            <EmptyState small title="No figures in this time" />
          )
        }
      </Loaded>
    </div>
  );
}

interface Points {
  x: number[];
  y: (number | null)[];
}

/** Two lines over one axis of time. */
function join(a: Points | undefined, b: Points | undefined): { x: number[]; ys: (number | null)[][] } {
  const x = [...new Set([...(a?.x ?? []), ...(b?.x ?? [])])].sort((m, n) => m - n);
  const on = (p: Points | undefined) => {
    const at = new Map(p?.x.map((t, i) => [t, p.y[i] ?? null]));
    return x.map((t) => at.get(t) ?? null);
  };
  return { x, ys: [on(a), on(b)] };
}
