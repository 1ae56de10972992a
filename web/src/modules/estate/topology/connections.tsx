import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { bitRate, percent } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { quoted, range } from '@/lib/prom';
import { useLiveQuery } from '@/lib/stream';
import { Loaded } from '@/ui/Loading';
import { Panel } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { decide, type Evidence, type ItemLink, linksQuery, portsQuery, proposalsQuery } from './queries';
import classes from './topology.module.css';

const NAMES: Record<string, string> = {
  lldp: 'LLDP',
  cdp: 'CDP',
  fdb: 'Forwarding table',
  arp: 'ARP',
  route: 'Route',
  connection: 'Connection',
};

/** A speed for people; an empty text for one that is not known. */
export const speed = (bps: number | undefined): string => (bps ? bitRate(bps) : '');

/** One piece of evidence in words, as the end `side` sees it. */
export function evidenceText(e: Evidence, side: 'a' | 'b' = 'a'): string {
  const mine = side === 'a' ? e.from_a : e.from_b;
  const both = e.from_a && e.from_b;
  const by =
    e.protocol === 'connection'
      ? ''
      : both
        ? ', seen from both ends'
        : mine
          ? ', seen from here'
          : ', seen from the other end';
  const ports = e.ports?.length ? ` to port ${e.ports.join(', ')}` : '';
  const by2 = e.processes?.length ? ` by ${e.processes.join(', ')}` : '';
  return `${NAMES[e.protocol] ?? e.protocol}${ports}${by2}${by}`;
}

/** Traffic and errors of the ports of an item over the last minutes, by port; empty where nothing polls them. */
export function useTraffic(item: string) {
  return useQuery({
    queryKey: ['topology', 'traffic', item],
    refetchInterval: 30_000,
    queryFn: async ({ signal }) => {
      const now = Math.floor(Date.now() / 1000);
      const out: Record<string, { receive?: number; transmit?: number; errors?: number }> = {};
      const read = async (key: 'receive' | 'transmit' | 'errors', q: string, factor: number) => {
        for (const l of await range(q, now - 60, now, 60, signal)) {
          const port = l.labels.interface;
          const v = l.y.at(-1);
          if (!port || v === null || v === undefined) continue;
          out[port] = { ...out[port], [key]: v * factor };
        }
      };
      const of = `{item=${quoted(item)}}`;
      await Promise.all([
        read('receive', `sum by (interface) (rate(network_interface_in_bytes_total${of}[5m]))`, 8),
        read('transmit', `sum by (interface) (rate(network_interface_out_bytes_total${of}[5m]))`, 8),
        read(
          'errors',
          `sum by (interface) (rate(network_interface_in_errors_total${of}[5m])) + sum by (interface) (rate(network_interface_out_errors_total${of}[5m]))`,
          1,
        ),
      ]);
      return out;
    },
  });
}

export function LinkRows({ item, links }: { item: string; links: ItemLink[] }) {
  const traffic = useTraffic(item).data ?? {};
  return (
    <ul className={classes.list}>
      {links.map((l) => {
        const t = traffic[l.port ?? ''];
        return (
          <li key={l.id}>
            <div>
              {l.port && <span className="mono">{l.port} </span>}
              <span className="muted">
                {l.layer === 'service' ? (l.side === 'a' ? 'connects to ' : 'is used by ') : 'to '}
              </span>
              {l.known ? (
                <Link to={`/estate/items/${encodeURIComponent(l.other)}` as string}>{l.other}</Link>
              ) : (
                `${l.other} (no item)`
              )}
              {l.other_port && <span className="mono"> {l.other_port}</span>}
            </div>
            <div className="muted">
              {percent(l.confidence)} sure{l.speed_bps ? `, ${speed(l.speed_bps)}` : ''}
              {l.state === 'down' ? ', down' : ''}
              {l.stale ? ', stale' : ''}
              {l.last_seen && (
                <>
                  , seen <Time at={l.last_seen} />
                </>
              )}
            </div>
            {t && (
              <div className="muted num">
                in {bitRate(t.receive ?? 0)}, out {bitRate(t.transmit ?? 0)}
                {t.errors ? `, ${t.errors.toPrecision(2)} errors/s` : ''}
              </div>
            )}
            {(l.evidence ?? []).map((e) => (
              <div key={e.protocol} className="muted">
                {evidenceText(e, l.side)}
              </div>
            ))}
          </li>
        );
      })}
    </ul>
  );
}

/** Dependencies that connections suggest, each with one click to accept. */
export function Proposals({ item }: { item: string }) {
  const list = useQuery(proposalsQuery(item)).data?.items ?? [];
  const client = useQueryClient();
  const may = useCan()('item.write');
  if (!list.length) return null;
  const say = (id: string, accept: boolean, text: string) =>
    decide(id, accept).then(
      () => {
        void client.invalidateQueries({ queryKey: ['topology'] });
        void client.invalidateQueries({ queryKey: ['item'] });
        done(text);
      },
      (e) => failed('The suggestion', e),
    );
  return (
    <Panel title="Suggested dependencies" note={`${list.length}`}>
      <ul className={classes.list}>
        {list.map((p) => (
          <li key={p.id}>
            <Link to={`/estate/items/${encodeURIComponent(p.item)}` as string}>{p.item}</Link> depends on{' '}
            <Link to={`/estate/items/${encodeURIComponent(p.depends_on)}` as string}>{p.depends_on}</Link>
            <div className="muted">{p.evidence.map((e) => evidenceText(e)).join('; ')}</div>
            {may && (
              <Button.Group mt={4}>
                <Button size="compact-xs" onClick={() => say(p.id, true, `${p.item} now depends on ${p.depends_on}.`)}>
                  Accept
                </Button>
                <Button
                  size="compact-xs"
                  variant="default"
                  onClick={() => say(p.id, false, 'It will not be suggested again.')}
                >
                  Dismiss
                </Button>
              </Button.Group>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Interfaces, links and suggested dependencies of one item; for the page of the item. */
export function Connections({ item }: { item: string }) {
  const links = useQuery(linksQuery(item));
  const ports = useQuery(portsQuery(item));
  useLiveQuery('topology', ['topology', 'links', item]);
  return (
    <>
      <Proposals item={item} />
      <Panel title="Links">
        <Loaded query={links} what="The links" small rows={3}>
          {(l) =>
            l.items.length ? (
              <LinkRows item={item} links={l.items} />
            ) : (
              <span className="muted">No link is known. Links come from discovery by SNMP and from agents.</span>
            )
          }
        </Loaded>
      </Panel>
      <Panel title="Interfaces" flush>
        <Loaded query={ports} what="The interfaces" small rows={3}>
          {(l) => (
            <table className="plain">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>State</th>
                  <th className="wide">Speed</th>
                  <th>Addresses</th>
                  <th className="wide">MAC</th>
                </tr>
              </thead>
              <tbody>
                {l.items.map((p) => (
                  <tr key={`${p.source} ${p.index}`}>
                    <td>
                      <span className="mono">{p.name}</span> <span className="muted">{p.alias}</span>
                    </td>
                    <td>
                      {p.oper_up ? (
                        <StatusMark state="up" />
                      ) : (
                        <span className="muted">{p.admin_up ? 'down' : 'off'}</span>
                      )}
                    </td>
                    <td className="wide">{speed(p.speed_bps)}</td>
                    <td className="mono">{p.addresses?.join(', ')}</td>
                    <td className="mono wide">{p.mac}</td>
                  </tr>
                ))}
                {!l.items.length && (
                  <tr>
                    <td className="muted" colSpan={5}>
                      No interface is known.
                    </td>
                  </tr>
                )}
              </tbody>
            </table>
          )}
        </Loaded>
      </Panel>
    </>
  );
}
