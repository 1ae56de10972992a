import { Button, Menu } from '@mantine/core';
import {
  IconCheck,
  IconChevronDown,
  IconEye,
  IconLink,
  IconPencil,
  IconQrcode,
  IconTrash,
  IconUserShare,
} from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Can } from '@/lib/permissions';
import { useSession } from '@/lib/session';
import { useLive } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { Pill, words } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import classes from './asset.module.css';
import { AssetDialog } from './forms';
import { type Act, ActDialog } from './handover';
import { AssetState, money } from './parts';
import {
  type Asset,
  assetQuery,
  confirmAsset,
  deleteAsset,
  handoversQuery,
  moveAsset,
  putAsset,
  sightingsQuery,
} from './queries';

export const Route = createLazyRoute('/estate/assets/$tag')({ component: Page });

function Page() {
  const { tag = '' } = useParams({ strict: false }) as { tag?: string };
  const client = useQueryClient();
  const navigate = useNavigate();
  const query = useQuery(assetQuery(tag));
  const [act, setAct] = useState<Act>();
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const again = () => void client.invalidateQueries({ queryKey: ['assets'] });
  useLive('assets', again);
  const run = (what: string, p: Promise<unknown>) =>
    p.then(
      () => again(),
      (e) => failed(what, e),
    );
  const a = query.data;
  return (
    <>
      <PageHead title={a?.title ?? tag} parent={{ label: 'Assets', to: '/estate/assets' }}>
        <span className="mono">{tag}</span>
        {a && <AssetState state={a.state} />}
        {a?.overdue && <Pill tone="down">Overdue</Pill>}
        <Spacer />
        {a && (
          <Can permission="asset.write">
            {a.holder ? (
              <Button leftSection={<IconUserShare size={14} />} onClick={() => setAct('in')}>
                Take back
              </Button>
            ) : (
              (a.state === 'in_use' || (a.next ?? []).includes('in_use')) && (
                <Button leftSection={<IconUserShare size={14} />} onClick={() => setAct('out')}>
                  Hand over
                </Button>
              )
            )}
            <Button variant="default" leftSection={<IconEye size={14} />} onClick={() => setAct('seen')}>
              Seen now
            </Button>
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" rightSection={<IconChevronDown size={14} />}>
                  More
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconPencil size={14} />} onClick={() => setEditing(true)}>
                  Change
                </Menu.Item>
                <Menu.Item
                  leftSection={<IconQrcode size={14} />}
                  onClick={() =>
                    void navigate({ to: '/estate/asset-labels' as string, search: { tags: [tag] } as never })
                  }
                >
                  Print the label
                </Menu.Item>
                {(a.next ?? []).map((s) => (
                  <Menu.Item key={s} onClick={() => void run('The state', moveAsset(tag, s as Asset['state']))}>
                    Set to: {words(s).toLowerCase()}
                  </Menu.Item>
                ))}
                <Menu.Item leftSection={<IconTrash size={14} />} onClick={() => setRemoving(true)}>
                  Remove
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Can>
        )}
      </PageHead>
      <Loaded query={query} what="The asset" rows={8}>
        {(d) => (
          <PageBody label="Asset">
            <Facts
              asset={d}
              onLink={() => void run('The link', putAsset(tag, { ...fieldsOf(d), item: d.proposed_item }))}
            />
            <Custody asset={d} onConfirm={() => void run('The confirmation', confirmAsset(tag))} />
            <Sightings tag={tag} />
          </PageBody>
        )}
      </Loaded>
      {a && <ActDialog act={act} asset={a} onClose={() => setAct(undefined)} onDone={again} />}
      {a && <AssetDialog asset={a} opened={editing} onClose={() => setEditing(false)} onDone={again} />}
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove ${tag}?`}
        action="Remove"
        run={async () => {
          await deleteAsset(tag);
          done('Asset removed.');
          void navigate({ to: '/estate/assets' as string });
        }}
      >
        Its history and signatures go with it. What has left you is better set to disposed.
      </ConfirmDialog>
    </>
  );
}

/** What a person says of the asset, as it is sent. */
function fieldsOf(a: Asset) {
  const {
    title,
    category,
    manufacturer,
    model,
    serial,
    location,
    vendor,
    order_number,
    purchased_on,
    price,
    currency,
    warranty_until,
    support_until,
    end_of_life,
    notes,
  } = a;
  return {
    title,
    category,
    manufacturer,
    model,
    serial,
    location,
    vendor,
    order_number,
    purchased_on,
    price,
    currency,
    warranty_until,
    support_until,
    end_of_life,
    notes,
  };
}

function Facts({ asset: a, onLink }: { asset: Asset; onLink: () => void }) {
  return (
    <Panel title="Facts">
      <KeyValue
        rows={[
          ['Category', a.category],
          ['Model', [a.manufacturer, a.model].filter(Boolean).join(' ')],
          ['Serial', a.serial && <span className="mono">{a.serial}</span>],
          [
            'Item',
            a.item ? (
              <Link key="i" to={`/estate/items/${a.item}` as string}>
                {a.item}
              </Link>
            ) : a.proposed_item ? (
              <>
                <Link to={`/estate/items/${a.proposed_item}` as string}>{a.proposed_item}</Link> has the same serial
                number.{' '}
                <Can permission="asset.write">
                  <Button size="compact-xs" variant="default" leftSection={<IconLink size={12} />} onClick={onLink}>
                    Link it
                  </Button>
                </Can>
              </>
            ) : undefined,
          ],
          ['Location', a.location],
          [
            'Seen',
            a.seen_at && (
              <span>
                <Time at={a.seen_at} />
                {a.seen_place && `, ${a.seen_place}`}
              </span>
            ),
          ],
          ['Vendor', a.vendor],
          ['Order', a.order_number],
          ['Purchased', a.purchased_on],
          ['Price', money(a.price, a.currency)],
          ['Warranty until', a.warranty_until],
          ['Support until', a.support_until],
          ['End of life', a.end_of_life],
          ['Notes', a.notes],
          ['Added', <Time key="t" at={a.created_at} />],
        ]}
      />
    </Panel>
  );
}

function Custody({ asset: a, onConfirm }: { asset: Asset; onConfirm: () => void }) {
  const query = useQuery(handoversQuery(a.tag));
  const me = useSession()?.account?.email;
  const now = (query.data?.items ?? []).find((h) => !h.in_at);
  return (
    <Panel
      title="Who had it"
      note={
        a.holder
          ? `With ${a.holder.name || a.holder.email}${a.due_on ? `, back on ${a.due_on}` : ''}`
          : 'Nobody has it now'
      }
      tools={
        now && !now.confirmed_at && a.holder?.email === me ? (
          <Button size="compact-sm" leftSection={<IconCheck size={14} />} onClick={onConfirm}>
            I have it
          </Button>
        ) : undefined
      }
    >
      <Loaded query={query} what="The history" rows={2} small>
        {(d) =>
          (d.items ?? []).length === 0 ? (
            <span className="muted">It has not been handed over yet.</span>
          ) : (
            <div className={classes.scroll}>
              <table className={classes.table}>
                <thead>
                  <tr>
                    <th>Person</th>
                    <th>From</th>
                    <th>Until</th>
                    <th>Proof</th>
                    <th>Notes</th>
                  </tr>
                </thead>
                <tbody>
                  {(d.items ?? []).map((h) => (
                    <tr key={h.id}>
                      <td>{h.person.name || h.person.email || 'A person who is gone'}</td>
                      <td>
                        <Time at={h.out_at} />
                      </td>
                      <td>{h.in_at ? <Time at={h.in_at} /> : <span className="muted">Now</span>}</td>
                      <td>
                        {h.signed && (
                          <img
                            className={classes.signature}
                            alt={`Signature of ${h.person.name || h.person.email}`}
                            src={`/api/v1/assets/${encodeURIComponent(a.tag)}/handovers/${h.id}/signature`}
                          />
                        )}
                        {h.confirmed_at && <Pill tone="ok">Confirmed</Pill>}
                        {!h.signed && !h.confirmed_at && <Pill tone="unknown">Not confirmed</Pill>}
                      </td>
                      <td className="muted">{[h.out_note, h.in_note].filter(Boolean).join(' · ')}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Sightings({ tag }: { tag: string }) {
  const rows = useQuery(sightingsQuery(tag)).data?.items ?? [];
  if (!rows.length) return null;
  return (
    <Panel title="Seen">
      <KeyValue
        rows={rows.map(
          (r) =>
            [
              `${r.actor}`,
              <span key={r.id}>
                <Time at={r.at} />
                {r.place && `, ${r.place}`}
              </span>,
            ] as const,
        )}
      />
    </Panel>
  );
}
