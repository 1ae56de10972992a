import type { Schemas } from '@/api/paths';

export type Prefix = Schemas['AddressPrefix'];
export type PrefixDetail = Schemas['AddressPrefixDetail'];
export type Range = Schemas['AddressRange'];
export type Address = Schemas['Address'];
export type Vlan = Schemas['AddressVLAN'];
export type PrefixInput = Schemas['AddressPrefixFields'];
export type AddressInput = Schemas['AddressFields'];
export type VlanInput = Schemas['AddressVLANFields'];

const DNS: Record<string, { text: string; tone: 'ok' | 'warn' | 'plain' | 'unknown' }> = {
  unchecked: { text: 'Not compared yet', tone: 'plain' },
  ok: { text: 'Agrees', tone: 'ok' },
  none: { text: 'No name', tone: 'plain' },
  no_reverse: { text: 'No reverse entry', tone: 'warn' },
  no_forward: { text: 'Does not lead back', tone: 'warn' },
  mismatch: { text: 'Another name', tone: 'warn' },
  failed: { text: 'DNS silent', tone: 'unknown' },
};

/** What the DNS said of an address, in words. */
export const dnsText = (state: string) => DNS[state] ?? { text: state, tone: 'unknown' as const };

/** How many hosts fit, short: 254, 65 534, 2^64. */
export function capacityText(n: number): string {
  if (n < 1e9) return Math.round(n).toLocaleString('en-US');
  return `2^${Math.round(Math.log2(n))}`;
}

/** An IPv4 address as a number; undefined for anything else. */
export function toNumber(a: string): number | undefined {
  const parts = a.split('.').map(Number);
  if (parts.length !== 4 || parts.some((p) => !Number.isInteger(p) || p < 0 || p > 255)) return undefined;
  return parts.reduce((sum, p) => sum * 256 + p, 0);
}

/** The number as an IPv4 address. */
export const fromNumber = (n: number) => [24, 16, 8, 0].map((s) => Math.floor(n / 2 ** s) % 256).join('.');

export type CellState = 'free' | 'used' | 'reserved' | 'dhcp' | 'gateway' | 'conflict' | 'edge' | 'inner';
export interface Cell {
  address: string;
  state: CellState;
  known?: Address;
}

/** Each address of an IPv4 prefix of at most 512 with what it is used for; empty for others. */
export function cells(p: PrefixDetail, known: Address[], inner: Pick<Prefix, 'prefix'>[]): Cell[] {
  const [net, bits] = p.prefix.split('/');
  const first = toNumber(net ?? '');
  const length = Number(bits);
  if (first === undefined || length < 23) return [];
  const n = 2 ** (32 - length);
  const by = new Map(known.map((a) => [a.address, a]));
  const within = (a: number, from: string, to: string) => a >= (toNumber(from) ?? 0) && a <= (toNumber(to) ?? -1);
  return Array.from({ length: n }, (_, i) => {
    const at = first + i;
    const address = fromNumber(at);
    const a = by.get(address);
    const range = (p.ranges ?? []).find((r) => within(at, r.first, r.last));
    let state: CellState = 'free';
    if (length < 31 && (i === 0 || i === n - 1)) state = 'edge';
    else if (a?.conflict) state = 'conflict';
    else if (address === p.gateway) state = 'gateway';
    else if (a) state = a.status === 'reserved' ? 'reserved' : a.status === 'dhcp' ? 'dhcp' : 'used';
    else if (range) state = range.purpose;
    else if (
      inner.some((c) => {
        const [cn, cb] = c.prefix.split('/');
        const from = toNumber(cn ?? '') ?? Number.POSITIVE_INFINITY;
        return at >= from && at < from + 2 ** (32 - Number(cb));
      })
    )
      state = 'inner';
    return { address, state, known: a };
  });
}
