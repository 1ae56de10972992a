import { Button, Modal } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { CopyButton } from '@/ui/CopyButton';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { CredentialForm, SettingsForm } from './forms';
import type { Credential, Receiver } from './model';
import { credentialsQuery } from './queries';

const protection = (c: Credential) =>
  c.version === '3' ? [c.auth_protocol, c.priv_protocol].filter(Boolean).join(' + ') || 'none' : 'in clear';

/** Who may send, and how much. */
export function Access({ receiver }: { receiver: UseQueryResult<Receiver> }) {
  const query = useQuery(credentialsQuery);
  const may = useCan()('trap.credential');
  const [open, setOpen] = useState<Credential | 'new'>();
  const close = () => setOpen(undefined);
  return (
    <PageBody label="Who may send">
      <Loaded query={query} what="Who may send">
        {(list) => (
          <Panel
            title="Communities and users"
            tools={
              may && (
                <Button size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
                  Add
                </Button>
              )
            }
            flush={list.items.length > 0}
          >
            {list.items.length === 0 ? (
              <span className="muted">
                None yet. A device may send with the credential that discovery reads it with; everything else is
                refused.
              </span>
            ) : (
              <table className="plain">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Version</th>
                    <th>User</th>
                    <th>Protection</th>
                    <th style={{ width: 110 }}>Changed</th>
                  </tr>
                </thead>
                <tbody>
                  {list.items.map((c) => (
                    <tr key={c.name}>
                      <td>
                        {may ? (
                          <Button variant="subtle" size="compact-xs" px={0} onClick={() => setOpen(c)}>
                            {c.name}
                          </Button>
                        ) : (
                          c.name
                        )}
                      </td>
                      <td>{c.version === '3' ? 'v3' : 'v1, v2c'}</td>
                      <td>{c.user || <span className="muted">–</span>}</td>
                      <td>{protection(c)}</td>
                      <td>
                        <Time at={c.updated_at} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Panel>
        )}
      </Loaded>
      <Loaded query={receiver} what="The settings">
        {(r) => (
          <>
            <Panel title="Limits">
              <SettingsForm settings={r.settings} />
            </Panel>
            <Panel title="This server">
              <KeyValue
                rows={[
                  ['Listening on', r.listening || 'nothing; set listen.trap in the configuration'],
                  [
                    'SNMP engine id',
                    <span key="e" style={{ display: 'inline-flex', gap: 6, alignItems: 'center', minWidth: 0 }}>
                      <span className="mono" style={{ overflowWrap: 'anywhere' }}>
                        {r.engine_id}
                      </span>
                      <CopyButton value={r.engine_id} label="Copy the engine id" />
                    </span>,
                  ],
                ]}
              />
            </Panel>
          </>
        )}
      </Loaded>
      <Modal opened={!!open} onClose={close} title={open === 'new' ? 'Who may send' : open?.name} size={520}>
        {open && <CredentialForm old={open === 'new' ? undefined : open} onClose={close} />}
      </Modal>
    </PageBody>
  );
}
