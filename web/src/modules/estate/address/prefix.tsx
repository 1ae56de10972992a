import { Button } from '@mantine/core';
import { IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { Can, useCan } from '@/lib/permissions';
import { useLive } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import classes from './address.module.css';
import { AddressTable } from './address-table';
import { AddressDialog, type AddressWish, PrefixDialog } from './forms';
import { type CellState, capacityText, cells, type PrefixDetail } from './model';
import { Usage } from './parts';
import { deletePrefix, freeQuery, listPrefixes, mapQuery, prefixQuery } from './queries';
import { Ranges } from './ranges';

export const Route = createLazyRoute('/estate/prefixes/$id')({ component: Page });

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const client = useQueryClient();
  const navigate = useNavigate();
  const query = useQuery(prefixQuery(id));
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const [wish, setWish] = useState<AddressWish>();
  const again = () => void client.invalidateQueries({ queryKey: ['addresses'] });
  useLive('addresses', again);
  const p = query.data;
  return (
    <>
      <PageHead title={p ? p.prefix : 'Prefix'} parent={{ label: 'Addresses', to: '/estate/prefixes' }}>
        {p?.vrf && <Pill>VRF {p.vrf}</Pill>}
        {p?.nearly_full && <Pill tone="warn">Nearly full</Pill>}
        <Spacer />
        {p && (
          <Can permission="address.write">
            <Button variant="default" leftSection={<IconPencil size={14} />} onClick={() => setEditing(true)}>
              Change
            </Button>
            <Button variant="default" leftSection={<IconTrash size={14} />} onClick={() => setRemoving(true)}>
              Remove
            </Button>
            {p.status !== 'container' && (
              <Button leftSection={<IconPlus size={14} />} onClick={() => setWish({ from: p })}>
                Take an address
              </Button>
            )}
          </Can>
        )}
      </PageHead>
      <Loaded query={query} what="The prefix" rows={8}>
        {(d) => (
          <PageBody label="Prefix">
            <Facts prefix={d} />
            <Plan prefix={d} onPick={setWish} />
            <Inside prefix={d} />
            <Ranges prefix={d} onDone={again} />
            <Panel title="Addresses" flush>
              <AddressTable prefix={d.id} onEdit={(known) => setWish({ known })} />
            </Panel>
          </PageBody>
        )}
      </Loaded>
      <PrefixDialog prefix={p} opened={editing} onClose={() => setEditing(false)} onDone={again} />
      <AddressDialog wish={wish} onClose={() => setWish(undefined)} onDone={again} />
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove ${p?.prefix ?? 'the prefix'}?`}
        action="Remove"
        run={async () => {
          await deletePrefix(id);
          done('Prefix removed.');
          again();
          void navigate({ to: '/estate/prefixes' as string });
        }}
      >
        The addresses and prefixes in it stay. If an item is seen in it, the prefix comes back.
      </ConfirmDialog>
    </>
  );
}

function Facts({ prefix: p }: { prefix: PrefixDetail }) {
  const free = useQuery(freeQuery(p.id));
  const spans = free.data?.spans ?? [];
  return (
    <Panel title="Facts">
      <KeyValue
        rows={[
          ['Used', <Usage key="u" prefix={p} />],
          ['Hosts that fit', capacityText(p.capacity)],
          [
            'Next free',
            free.isError ? (
              free.error.message
            ) : free.data?.next ? (
              <span key="n" className="mono">
                {free.data.next}
              </span>
            ) : p.status === 'container' ? undefined : free.data ? (
              'None'
            ) : (
              '…'
            ),
          ],
          [
            'Free stretches',
            spans.length > 0 &&
              spans
                .slice(0, 4)
                .map((x) => (x.first === x.last ? x.first : `${x.first} – ${x.last}`))
                .join(', ') + (spans.length > 4 ? ' …' : ''),
          ],
          [
            'Inside',
            p.around?.length
              ? p.around.map((a, i) => (
                  <span key={a.id}>
                    {i > 0 && ' › '}
                    <Link to={`/estate/prefixes/${a.id}` as string} className="mono">
                      {a.prefix}
                    </Link>
                  </span>
                ))
              : undefined,
          ],
          ['Status', p.status.charAt(0).toUpperCase() + p.status.slice(1)],
          ['Gateway', p.gateway],
          ['VLAN', p.vlan || undefined],
          ['Site', p.site],
          ['Role', p.role],
          ['Description', p.description],
          ['Source', p.source === 'manual' ? 'A person typed it' : 'Seen on an interface'],
        ]}
      />
    </Panel>
  );
}

const WORDS: [CellState, string][] = [
  ['free', 'Free'],
  ['used', 'Used'],
  ['gateway', 'Gateway'],
  ['dhcp', 'DHCP'],
  ['reserved', 'Reserved'],
  ['conflict', 'Conflict'],
  ['inner', 'In a smaller prefix'],
];

function Plan({ prefix: p, onPick }: { prefix: PrefixDetail; onPick: (w: AddressWish) => void }) {
  const can = useCan()('address.write');
  const known = useQuery(mapQuery(p));
  const inner = useInner(p.id);
  const list = useMemo(() => cells(p, known.data ?? [], inner), [p, known.data, inner]);
  if (!list.length || !known.data) return null;
  const used = new Set(list.map((c) => c.state));
  const word = (s: CellState) => WORDS.find(([k]) => k === s)?.[1] ?? 'Network or broadcast';
  return (
    <Panel title="Map">
      <div className={classes.map} role="group" aria-label="Addresses of the prefix">
        {list.map((c) => (
          <button
            key={c.address}
            type="button"
            className={classes.cell}
            data-state={c.state}
            disabled={!can || c.state === 'edge' || c.state === 'inner'}
            title={`${c.address}: ${word(c.state).toLowerCase()}${c.known?.claims?.[0] ? `, ${c.known.claims.map((x) => x.item).join(', ')}` : ''}${c.known?.dns_name ? `, ${c.known.dns_name}` : ''}`}
            aria-label={`${c.address}: ${word(c.state)}`}
            onClick={() => onPick(c.known ? { known: c.known } : { address: c.address, vrf: p.vrf })}
          >
            {c.state === 'conflict' ? '!' : ''}
          </button>
        ))}
      </div>
      <ul className={classes.legend}>
        {WORDS.filter(([k]) => used.has(k)).map(([k, label]) => (
          <li key={k}>
            <span className={classes.cell} data-state={k} />
            {label}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const NONE: never[] = [];

function useInner(id: string) {
  const q = useQuery({
    queryKey: ['addresses', 'inner', id],
    queryFn: ({ signal }) => listPrefixes({ within: id }, undefined, 200, signal),
  });
  return q.data?.items ?? NONE;
}

function Inside({ prefix: p }: { prefix: PrefixDetail }) {
  const inner = useInner(p.id).filter((c) => c.depth === p.depth + 1);
  if (!inner.length) return null;
  return (
    <Panel title="Prefixes inside" note={inner.length === 1 ? '1 prefix' : `${inner.length} prefixes`}>
      <table className={classes.ranges}>
        <tbody>
          {inner.map((c) => (
            <tr key={c.id}>
              <td>
                <Link to={`/estate/prefixes/${c.id}` as string} className="mono">
                  {c.prefix}
                </Link>
              </td>
              <td>
                <Usage prefix={c} />
              </td>
              <td className="muted">{c.description || c.role || c.site}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
