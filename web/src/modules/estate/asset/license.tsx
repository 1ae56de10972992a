import { Button, Select } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useItemNames, usePeople } from '@/lib/names';
import { Can } from '@/lib/permissions';
import { useLive } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { Pill, words } from '@/ui/StatusMark';
import { done, failed } from '@/ui/toast';
import classes from './asset.module.css';
import { money } from './parts';
import {
  assignLicense,
  assignmentsQuery,
  deleteLicense,
  type LicenseDetail,
  licenseQuery,
  unassignLicense,
  usesQuery,
} from './queries';

export const Route = createLazyRoute('/estate/licenses/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery(licenseQuery(name));
  const client = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  const again = () => void client.invalidateQueries({ queryKey: ['assets'] });
  useLive('assets', again);
  const l = query.data;
  return (
    <>
      <PageHead title={l?.product ?? name} parent={{ label: 'Licenses', to: '/estate/licenses' }}>
        {l?.lacking && <Pill tone="down">Too few</Pill>}
        <Spacer />
        {l && (
          <Can permission="asset.write">
            <Button variant="default" leftSection={<IconTrash size={14} />} onClick={() => setRemoving(true)}>
              Remove
            </Button>
          </Can>
        )}
      </PageHead>
      <Loaded query={query} what="The license" rows={8}>
        {(d) => (
          <PageBody label="License">
            <Stats>
              <Stat label="Entitled" value={d.entitled} note="Valid today" />
              <Stat label="Assigned" value={d.assigned} />
              <Stat label="Used" value={d.used} note={d.attribute || d.package ? 'Found by the rule' : 'No rule'} />
              <Stat label="Free" value={d.free} note={d.lacking ? 'Buy more, or use fewer' : undefined} />
            </Stats>
            <Facts license={d} />
            <Assignments name={name} onDone={again} />
            {(d.attribute || d.package) && <Uses name={name} />}
          </PageBody>
        )}
      </Loaded>
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove ${name}?`}
        action="Remove"
        run={async () => {
          await deleteLicense(name);
          done('License removed.');
          void navigate({ to: '/estate/licenses' as string });
        }}
      >
        Its purchases and assignments go with it.
      </ConfirmDialog>
    </>
  );
}

function Facts({ license: l }: { license: LicenseDetail }) {
  return (
    <Panel title="Facts">
      <KeyValue
        rows={[
          ['Name', l.name],
          ['Vendor', l.vendor],
          ['Counted', words(l.model ?? 'user')],
          ['Renews', l.renewal_on],
          ['Give notice by', l.notice_on],
          [
            'Used where',
            l.attribute ? `${l.attribute} contains “${l.contains}”` : l.package && `package ${l.package} is installed`,
          ],
          ['Notes', l.notes],
          ...(l.purchases ?? []).map(
            (p, i) =>
              [
                `Purchase ${i + 1}`,
                [
                  `${p.quantity}`,
                  p.purchased_on,
                  p.valid_until && `valid until ${p.valid_until}`,
                  money(p.price, p.currency),
                  p.order_number,
                ]
                  .filter(Boolean)
                  .join(', '),
              ] as const,
          ),
        ]}
      />
    </Panel>
  );
}

function Assignments({ name, onDone }: { name: string; onDone: () => void }) {
  const query = useQuery(assignmentsQuery(name));
  const people = usePeople();
  const [q, setQ] = useState('');
  const items = useItemNames(q);
  const change = (p: Promise<unknown>) => p.then(onDone, (e) => failed('The assignment', e));
  return (
    <Panel title="Assigned to">
      <Can permission="asset.write">
        <div style={{ display: 'flex', gap: 8, flexWrap: 'wrap', marginBottom: 8 }}>
          <Select
            aria-label="Assign to a person"
            placeholder="Assign to a person"
            searchable
            value={null}
            data={people.map((p) => ({ value: p.email, label: p.name || p.email }))}
            onChange={(v) => v && void change(assignLicense(name, 'person', v))}
          />
          <Select
            aria-label="Assign to an item"
            placeholder="Assign to an item"
            searchable
            value={null}
            searchValue={q}
            onSearchChange={setQ}
            data={items}
            onChange={(v) => v && void change(assignLicense(name, 'item', v))}
          />
        </div>
      </Can>
      <Loaded query={query} what="The assignments" rows={2} small>
        {(d) =>
          (d.items ?? []).length === 0 ? (
            <span className="muted">Nobody yet.</span>
          ) : (
            <table className={classes.table}>
              <tbody>
                {(d.items ?? []).map((a) => (
                  <tr key={`${a.kind}/${a.name}`}>
                    <td>
                      {a.kind === 'item' ? (
                        <Link to={`/estate/items/${a.name}` as string}>{a.name}</Link>
                      ) : (
                        a.title || a.name
                      )}
                    </td>
                    <td className="muted">{words(a.kind)}</td>
                    <td style={{ textAlign: 'right' }}>
                      <Can permission="asset.write">
                        <Button
                          size="compact-xs"
                          variant="subtle"
                          aria-label={`Take it from ${a.title || a.name}`}
                          onClick={() => void change(unassignLicense(name, a.kind, a.name))}
                        >
                          Take back
                        </Button>
                      </Can>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Uses({ name }: { name: string }) {
  const query = useQuery(usesQuery(name));
  return (
    <Panel title="Used on">
      <Loaded query={query} what="The uses" rows={2} small>
        {(d) =>
          (d.items ?? []).length === 0 ? (
            <span className="muted">No item uses it.</span>
          ) : (
            <KeyValue rows={(d.items ?? []).map((u) => [u.item, u.found] as const)} />
          )
        }
      </Loaded>
    </Panel>
  );
}
