import type { components } from '@/api/schema';
import { integer } from '@/lib/format';

type S = components['schemas'];
export type Trap = S['TrapEvent'];
export type TrapVar = Trap['vars'][number];
export type Source = S['TrapSource'];
export type Receiver = S['TrapReceiver'];
export type Settings = S['TrapSettings'];
export type Credential = S['TrapCredentialView'];

export const STATES = [
  { value: 'critical', label: 'Critical' },
  { value: 'warning', label: 'Warning' },
  { value: 'ok', label: 'OK' },
  { value: 'none', label: 'None' },
];

/** The name of a trap, or its OID. */
export const titleOf = (t: Trap): string => (t.kind === 'storm' ? 'Too many traps' : t.name || t.oid || 'Trap');

/** "ifName.3", or the OID of a value without a name. */
export const varName = (v: TrapVar): string =>
  v.name ? (v.index && v.index !== '0' ? `${v.name}.${v.index}` : v.name) : v.oid;

/** The values of a trap in one line. */
export function valuesText(t: Trap): string {
  if (t.kind === 'storm') return `${integer(t.count)} traps were over the limit of their sender and are not listed.`;
  const text = t.vars.map((v) => `${v.name || v.oid}=${v.text}`).join(', ');
  return text || t.means || '';
}

/** What was not taken of a sender, in words; empty when everything was. */
export function lostText(s: Source): string {
  const parts = [
    s.refused && `${integer(s.refused)} refused`,
    s.malformed && `${integer(s.malformed)} not SNMP`,
    s.limited && `${integer(s.limited)} over the limit`,
  ];
  return parts.filter(Boolean).join(', ');
}

export const trapsURL = (query: string) => `/observe/traps?${query}` as string;
export const itemURL = (name: string) => `/estate/items/${encodeURIComponent(name)}` as string;
