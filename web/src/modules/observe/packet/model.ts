import type { Schemas } from '@/api/paths';

export type Capture = Schemas['PacketView'];
export type Packet = Schemas['PacketRow'];
export type Detail = Schemas['PacketDetail'];
export type TreeNode = Schemas['PacketNode'];
export type Talk = Schemas['PacketTalk'];
export type Endpoint = Schemas['StatsEndpoint'];
export type Layer = Schemas['StatsLayer'];

/** Base64 as the API sends bytes. */
export function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

/** Bytes as text of the log kind: what cannot be shown is a dot. */
export function printable(b: Uint8Array): string {
  let out = '';
  for (const c of b) out += c === 10 || c === 9 || (c >= 32 && c < 127) ? String.fromCharCode(c) : c === 13 ? '' : '.';
  return out;
}

/** The test that a field has this value, in the syntax of display filters. */
export function testOf(n: { name: string; value?: string }, kind: 'text' | 'plain'): string {
  if (n.value === undefined || n.value === '') return n.name;
  if (kind === 'plain') return `${n.name} == ${n.value}`;
  return `${n.name} == "${n.value.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

/** How a value is written in a filter: numbers and addresses as they are, the rest in quotes. */
export function kindOf(value = ''): 'text' | 'plain' {
  return /^(-?\d+(\.\d+)?|0x[0-9a-f]+|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}|\d+\.\d+\.\d+\.\d+|([0-9a-f]{2}:){5}[0-9a-f]{2})$/i.test(
    value,
  )
    ? 'plain'
    : 'text';
}

/** Joins a test to a filter that is there. */
export function joined(filter: string, how: 'and' | 'and not', test: string): string {
  if (!filter.trim()) return how === 'and' ? test : `not (${test})`;
  return `(${filter}) ${how} (${test})`;
}

/** The field that holds a byte and the fewest others; of equal ones the innermost. */
export function fieldAt(nodes: readonly TreeNode[], at: number, source: number): TreeNode | undefined {
  let best: TreeNode | undefined;
  const size = (n: TreeNode) => (n.end ?? 0) - (n.start ?? 0);
  const look = (list: readonly TreeNode[]) => {
    for (const n of list) {
      const holds = (n.source ?? 0) === source && (n.start ?? 0) <= at && at < (n.end ?? 0);
      if (holds && (!best || size(n) <= size(best))) best = n;
      if (n.fields) look(n.fields);
    }
  };
  look(nodes);
  return best;
}

/** The field that holds an address of its kind. */
function addressField(address: string): string {
  if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(address)) return 'eth.addr';
  return address.includes(':') ? 'ipv6.addr' : 'ip.addr';
}

export const addressTest = (address: string) => `${addressField(address)} == ${address}`;

/** The test that chooses the packets of a conversation. */
export function talkTest(t: Pick<Talk, 'protocol' | 'src' | 'dst' | 'src_port' | 'dst_port' | 'stream'>): string {
  const p = t.protocol.toLowerCase();
  if (t.stream >= 0 && (p === 'tcp' || p === 'udp')) return `${p}.stream == ${t.stream}`;
  const out = [addressTest(t.src), addressTest(t.dst)];
  if (t.src_port && t.dst_port && (p === 'tcp' || p === 'udp'))
    out.push(`${p}.port == ${t.src_port}`, `${p}.port == ${t.dst_port}`);
  return out.join(' && ');
}

/** The test that chooses the packets of a time. Seconds since 1970. */
export const windowTest = (from: number, to: number) =>
  `frame.time_epoch >= ${from.toFixed(6)} && frame.time_epoch <= ${to.toFixed(6)}`;

export interface Sort {
  by: string;
  desc: boolean;
}

/** Sorts by a figure; without one the order stays. */
export function sorted<T>(items: readonly T[], sort: Sort | undefined, values: Record<string, (x: T) => number>): T[] {
  const value = sort && values[sort.by];
  if (!sort || !value) return [...items];
  return [...items].sort((a, b) => (sort.desc ? value(b) - value(a) : value(a) - value(b)));
}
