import { Button, Modal } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel, Stat, Stats } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { Credentials } from './add';
import { clientsQuery, gatewayQuery, revokeClient, rotateClient } from './queries';

const lostText = (lost: Record<string, number>) =>
  Object.entries(lost)
    .map(([why, n]) => `${integer(n)} ${why.replaceAll('_', ' ')}`)
    .join(', ');

/** Credentials and how receiving goes. `only` shows one client. */
export function Clients({ only }: { only?: string }) {
  const clients = useQuery(clientsQuery);
  const table = <Table query={clients} only={only} />;
  return only ? table : <All>{table}</All>;
}

function All({ children }: { children: React.ReactNode }) {
  const gate = useQuery(gatewayQuery);
  return (
    <PageBody label="Connections">
      <Loaded query={gate} what="How receiving goes">
        {(g) => (
          <>
            <Stats>
              {g.ports.map((p) => (
                <Stat key={p.name} label={p.name} value={p.address ? 'open' : 'off'} note={p.address ?? p.problem} />
              ))}
              <Stat label="Connected" value={integer(g.connected)} note={`of ${integer(g.clients)}`} />
              <Stat label="Messages" value={integer(g.messages)} note="since the start" />
              <Stat label="Not taken" value={integer(g.lost)} />
              <Stat label="Wrong clocks" value={integer(g.bad_clock)} />
            </Stats>
            {g.refusals.length > 0 && (
              <Panel title="Refused" flush>
                <table className="plain">
                  <tbody>
                    {g.refusals.slice(0, 10).map((r) => (
                      <tr key={r.client + r.address + r.reason}>
                        <td>{r.client || <span className="muted">no name</span>}</td>
                        <td className="mono">{r.address}</td>
                        <td>{r.reason}</td>
                        <td>{r.count > 1 ? `${integer(r.count)} times` : ''}</td>
                        <td style={{ width: 100 }}>
                          <Time at={r.at} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Panel>
            )}
          </>
        )}
      </Loaded>
      {children}
    </PageBody>
  );
}

function Table({ query, only }: { query: ReturnType<typeof useQuery<ClientList>>; only?: string }) {
  const may = useCan()('iot.client');
  const cache = useQueryClient();
  const [ask, setAsk] = useState<{ name: string; profile: string; what: 'rotate' | 'revoke' }>();
  const [made, setMade] = useState<{ name: string; password: string; profile: string }>();
  return (
    <>
      <Loaded query={query} what="The credentials">
        {(list) => (
          <Panel title="Credentials" flush>
            <table className="plain">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>State</th>
                  <th>From</th>
                  <th>Messages</th>
                  <th>Not taken</th>
                  {may && <th style={{ textAlign: 'right' }}>Actions</th>}
                </tr>
              </thead>
              <tbody>
                {list.items
                  ?.filter((c) => !only || c.name === only)
                  .map((c) => (
                    <tr key={c.name}>
                      <td>{c.name}</td>
                      <td>
                        <StatusMark state={c.state} />
                      </td>
                      <td className="mono">
                        {c.address ?? ''} {c.tls ? 'TLS' : ''}
                      </td>
                      <td className="num">{integer(c.messages)}</td>
                      <td>{lostText(c.lost) || <span className="muted">none</span>}</td>
                      {may && (
                        <td style={{ whiteSpace: 'nowrap', textAlign: 'right' }}>
                          <Button
                            size="compact-xs"
                            variant="default"
                            onClick={() => setAsk({ name: c.name ?? '', profile: c.profile, what: 'rotate' })}
                          >
                            New password
                          </Button>{' '}
                          {c.state !== 'revoked' && (
                            <Button
                              size="compact-xs"
                              variant="subtle"
                              onClick={() => setAsk({ name: c.name ?? '', profile: c.profile, what: 'revoke' })}
                            >
                              Revoke
                            </Button>
                          )}
                        </td>
                      )}
                    </tr>
                  ))}
              </tbody>
            </table>
          </Panel>
        )}
      </Loaded>
      <ConfirmDialog
        opened={!!ask}
        onClose={() => setAsk(undefined)}
        title={ask?.what === 'rotate' ? `Make a new password for ${ask.name}?` : `Revoke ${ask?.name}?`}
        action={ask?.what === 'rotate' ? 'Make a new one' : 'Revoke'}
        run={async () => {
          if (!ask) return;
          if (ask.what === 'rotate') {
            const r = await rotateClient(ask.name);
            setMade({ name: r.name, password: r.password ?? '', profile: ask.profile });
          } else {
            await revokeClient(ask.name);
            done(`${ask.name} is revoked.`);
          }
          await cache.invalidateQueries({ queryKey: ['iot'] });
        }}
      >
        Its connection ends at once.
      </ConfirmDialog>
      <Modal opened={!!made} onClose={() => setMade(undefined)} title="New password" size={640}>
        {made && <Credentials {...made} onClose={() => setMade(undefined)} />}
      </Modal>
    </>
  );
}

type ClientList = Awaited<
  ReturnType<NonNullable<typeof clientsQuery.queryFn> extends (c: never) => infer R ? () => R : never>
>;
