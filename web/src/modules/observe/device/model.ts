import { bitRate } from '@/lib/format';
import type { Device, Port } from './queries';

/** Bits a second for people; an empty text for what is not known. */
export function bits(bps: number | null | undefined): string {
  return bps === null || bps === undefined ? '' : bitRate(bps);
}

/** up, down, or off by configuration. */
export function portState(p: Port): 'up' | 'down' | 'off' {
  return p.oper_up ? 'up' : p.admin_up ? 'down' : 'off';
}

/** Share of the speed in use, in the busier direction: 0 to 1; undefined while it is not known. */
export function usage(p: Port): number | undefined {
  if (!p.speed_bps || (p.in_bytes_per_second === null && p.out_bytes_per_second === null)) return undefined;
  return (Math.max(p.in_bytes_per_second ?? 0, p.out_bytes_per_second ?? 0) * 8) / p.speed_bps;
}

/** Interfaces with the text in their name or alias: broken ones first, then as the device has them. */
export function shown(ports: readonly Port[], q: string | undefined): Port[] {
  const t = (q ?? '').toLowerCase();
  const rank = (p: Port) => ({ down: 0, up: 1, off: 2 })[portState(p)];
  return ports
    .filter((p) => !t || p.name.toLowerCase().includes(t) || p.alias.toLowerCase().includes(t))
    .sort((a, b) => rank(a) - rank(b) || a.index - b.index);
}

export interface Gauge {
  key: string;
  label: string;
  /** The amount; empty where the share says it all. */
  text: string;
  /** 0 to 1, where the value is a share. */
  ratio?: number;
}

type View = Device['gauges'][number];

const TITLES: [string, RegExp][] = [
  ['Processors', /^device_cpu_/],
  ['Memory', /^device_memory_/],
  ['Storage', /^device_storage_/],
  ['Sensors', /^device_sensor_/],
];

const UNITS: Record<string, string> = {
  celsius: '°C',
  rpm: 'rpm',
  volts: 'V',
  amperes: 'A',
  watts: 'W',
  watt: 'W',
  volt: 'V',
  ampere: 'A',
  hertz: 'Hz',
};

/** The values of a device in groups, each with what it is called and how much it is. */
export function groups(gauges: readonly View[], bytes: (n: number) => string): { title: string; list: Gauge[] }[] {
  const out = new Map<string, Gauge[]>();
  const totals = new Map<string, number>();
  for (const g of gauges) {
    const m = /^device_(memory|storage)_total_bytes$/.exec(g.metric);
    if (m) totals.set(`${m[1]} ${g.labels[m[1] as string] ?? ''}`, g.value);
  }
  for (const g of gauges) {
    if (/_total_bytes$/.test(g.metric)) continue;
    const of = /^device_(memory|storage)_/.exec(g.metric)?.[1];
    const name = g.labels.processor ?? g.labels.memory ?? g.labels.storage ?? g.labels.sensor ?? g.labels.name ?? '';
    const total = of ? totals.get(`${of} ${g.labels[of] ?? ''}`) : undefined;
    // The share says it again where the amounts are known.
    if (of && /_usage_ratio$/.test(g.metric) && total) continue;
    let text = `${Number(g.value.toPrecision(4))} ${UNITS[g.labels.unit ?? ''] ?? g.labels.unit ?? ''}`.trim();
    let ratio: number | undefined;
    if (g.state) text = g.state;
    else if (/_ratio$/.test(g.metric)) {
      ratio = g.value;
      text = ''; // the bar says it
    } else if (/_used_bytes$/.test(g.metric)) {
      ratio = total ? g.value / total : undefined;
      text = total ? `${bytes(g.value)} of ${bytes(total)}` : bytes(g.value);
    }
    const title = TITLES.find(([, r]) => r.test(g.metric))?.[0] ?? 'Other';
    const list = out.get(title) ?? [];
    const label = title === 'Other' ? [g.metric, name].filter(Boolean).join(' ') : name || g.metric;
    list.push({ key: `${g.metric} ${JSON.stringify(g.labels)}`, label, text, ratio });
    out.set(title, list);
  }
  return [...TITLES.map(([t]) => t), 'Other'].flatMap((t) => {
    const list = out.get(t);
    return list ? [{ title: t, list }] : [];
  });
}
