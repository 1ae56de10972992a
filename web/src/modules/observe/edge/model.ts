import { bytes, integer } from '@/lib/format';
import type { Edge } from './queries';

/** What waits on the disk of an edge, in words; undefined when nothing does. */
export function waitingText(e: Pick<Edge, 'waiting' | 'waiting_bytes'>): string | undefined {
  // One batch is always on its way while checks run.
  if (e.waiting < 2) return undefined;
  return `${integer(e.waiting)} batches, ${bytes(e.waiting_bytes)}`;
}

/** An address that other machines cannot reach. */
export const isLocal = (url: string) => /^[a-z]+:\/\/(127\.|localhost|\[::1\])/.test(url);

/** The ports that an edge can open for senders of its site. */
export const PORTS = [
  { name: 'netflow', title: 'NetFlow', usual: 2055 },
  { name: 'ipfix', title: 'IPFIX', usual: 4739 },
  { name: 'sflow', title: 'sFlow', usual: 6343 },
  { name: 'trap', title: 'SNMP traps', usual: 162 },
] as const;

export type ReceiveText = Record<(typeof PORTS)[number]['name'] | 'allowed', string>;

/** What an edge receives, as a form has it. */
export function receiveText(r: Edge['receive']): ReceiveText {
  const at = (name: string) => r.listen?.[name] ?? '';
  return {
    netflow: at('netflow'),
    ipfix: at('ipfix'),
    sflow: at('sflow'),
    trap: at('trap'),
    allowed: (r.allowed ?? []).join('\n'),
  };
}

/** What a form says of what an edge receives; empty ports are closed. */
export function receiveOf(v: ReceiveText): Edge['receive'] {
  const listen: Record<string, string> = {};
  for (const p of PORTS) {
    const addr = v[p.name].trim();
    if (addr) listen[p.name] = addr;
  }
  return { listen, allowed: v.allowed.split(/[\s,]+/).filter(Boolean) };
}

const quote = (s: string) => `'${s.replaceAll("'", "'\\''")}'`;

/** The line that installs an edge on a Linux machine; without a name it is called as the machine. */
export function installLine(url: string, token: string, name: string): string {
  const as = name.trim() ? ` NAME=${quote(name.trim())}` : '';
  return `curl -fsS ${quote(`${url}/edge/install.sh?token=${token}`)} | sudo${as} sh`;
}
