import { Button, Modal } from '@mantine/core';
import { IconPencil, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { KeyValue } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import classes from './address.module.css';
import { type Address, dnsText } from './model';
import { checkDNS, deleteAddress } from './queries';

/** All that is known of one address. */
export function AddressView({
  address,
  onClose,
  onEdit,
  onDone,
}: {
  address?: Address;
  onClose: () => void;
  onEdit: (a: Address) => void;
  onDone: () => void;
}) {
  const id = address?.id ?? '';
  const can = useCan()('address.write');
  const [asking, setAsking] = useState(false);
  const [removing, setRemoving] = useState(false);
  const query = useQuery({
    queryKey: ['addresses', 'one', id],
    enabled: !!id,
    queryFn: ({ signal }) => call(http.GET('/api/v1/addresses/{id}', { params: { path: { id } }, signal })),
  });
  const ask = () => {
    setAsking(true);
    checkDNS(id)
      .then(() => {
        void query.refetch();
        onDone();
      })
      .catch((e: unknown) => failed('The DNS was not asked', e))
      .finally(() => setAsking(false));
  };
  return (
    <Modal opened={!!address} onClose={onClose} title={<span className="mono">{address?.address}</span>} size={560}>
      <Loaded query={query} what="The address" rows={6} small>
        {(a) => (
          <>
            <KeyValue
              rows={[
                ['VRF', a.vrf || 'Global table'],
                [
                  'Prefix',
                  a.prefix ? (
                    <Link key="p" to={`/estate/prefixes/${a.prefix.id}` as string} className="mono">
                      {a.prefix.prefix}
                    </Link>
                  ) : (
                    'None'
                  ),
                ],
                ['Status', a.status === 'dhcp' ? 'DHCP' : a.status.charAt(0).toUpperCase() + a.status.slice(1)],
                ['Conflict', a.conflict && <Pill tone="down">Several items have it</Pill>],
                [
                  'Seen on',
                  a.claims?.length ? (
                    <table key="c" className={classes.ranges}>
                      <tbody>
                        {a.claims.map((c) => (
                          <tr key={c.item + c.source}>
                            <td>
                              <Link to={`/estate/items/${encodeURIComponent(c.item)}` as string}>{c.item}</Link>
                            </td>
                            <td className="mono">{c.interface}</td>
                            <td className="mono muted">{c.mac}</td>
                            <td className="muted">
                              {c.source}, <Time at={c.last_seen} />
                            </td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  ) : (
                    'Nothing'
                  ),
                ],
                ['Wanted name', a.dns_name],
                [
                  'DNS',
                  <Pill key="d" tone={dnsText(a.dns.state).tone}>
                    {dnsText(a.dns.state).text}
                  </Pill>,
                ],
                ['Name in the DNS', a.dns.found],
                ['That name leads to', a.dns.forward],
                ['Compared', a.dns.checked_at && <Time at={a.dns.checked_at} />],
                ['First seen', a.first_seen && <Time at={a.first_seen} mode="absolute" />],
                ['Last seen', a.last_seen && <Time at={a.last_seen} />],
                ['Description', a.description],
              ]}
            />
            {can && (
              <div style={{ display: 'flex', gap: 8, marginTop: 16, flexWrap: 'wrap' }}>
                <Button leftSection={<IconPencil size={14} />} onClick={() => onEdit(a)}>
                  Change
                </Button>
                <Button variant="default" loading={asking} leftSection={<IconRefresh size={14} />} onClick={ask}>
                  Ask the DNS now
                </Button>
                <Button variant="default" leftSection={<IconTrash size={14} />} onClick={() => setRemoving(true)}>
                  Remove
                </Button>
              </div>
            )}
          </>
        )}
      </Loaded>
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove ${address?.address ?? ''}?`}
        action="Remove"
        run={async () => {
          await deleteAddress(id);
          done('Address removed.');
          onDone();
          onClose();
        }}
      >
        It comes back when an item is seen with it.
      </ConfirmDialog>
    </Modal>
  );
}
