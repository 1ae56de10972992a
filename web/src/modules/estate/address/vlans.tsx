import { Button } from '@mantine/core';
import { IconPlus, IconSitemap } from '@tabler/icons-react';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { Can, useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { VlanDialog } from './forms';
import type { Vlan } from './model';
import { Sections } from './parts';
import { deleteVlan, listVlans } from './queries';

export const Route = createLazyRoute('/estate/vlans')({ component: Page });

const idOf = (r: Vlan) => r.id;

function Page() {
  const [s, set] = useUrlState<{ q?: string }>();
  const can = useCan()('address.write');
  const [editing, setEditing] = useState<Vlan | 'new'>();
  const [removing, setRemoving] = useState<Vlan>();
  const rows = useRows<Vlan>({
    queryKey: ['addresses', 'vlans', s.q],
    fetchPage: ({ cursor, limit }, signal) => listVlans(s.q || undefined, cursor, limit, signal),
    idOf,
  });
  const columns: Column<Vlan>[] = [
    { id: 'vid', label: 'Number', width: 76, right: true, render: (r) => <span className="num">{r.vid}</span> },
    { id: 'name', label: 'Name', min: 160, main: true, render: (r) => r.name },
    { id: 'site', label: 'Site', min: 110, render: (r) => r.site ?? '–' },
    {
      id: 'prefixes',
      label: 'Prefixes',
      width: 84,
      right: true,
      render: (r) => <span className="num">{r.prefixes}</span>,
    },
    {
      id: 'description',
      label: 'Description',
      min: 160,
      render: (r) => <span className="muted">{r.description}</span>,
    },
    { id: 'source', label: 'Source', width: 92, render: (r) => (r.source === 'manual' ? 'Typed' : 'Discovered') },
    {
      id: 'seen',
      label: 'Last seen',
      width: 92,
      right: true,
      render: (r) => (r.last_seen ? <Time at={r.last_seen} /> : <span className="muted">Never</span>),
    },
    ...(can
      ? [
          {
            id: 'remove',
            label: 'Action',
            width: 84,
            right: true,
            render: (r: Vlan) => (
              <Button
                size="compact-xs"
                variant="subtle"
                tabIndex={-1}
                onClick={(e) => {
                  e.stopPropagation();
                  setRemoving(r);
                }}
              >
                Remove
              </Button>
            ),
          },
        ]
      : []),
  ];
  const add = (
    <Can permission="address.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => setEditing('new')}>
        Add a VLAN
      </Button>
    </Can>
  );
  return (
    <>
      <PageHead title="Addresses">
        <RowCount rows={rows} one="VLAN" many="VLANs" />
        <Spacer />
        {add}
      </PageHead>
      <Sections at="vlans" />
      <Toolbar>
        <SearchBox value={s.q ?? ''} onChange={(q) => set({ q })} placeholder="Number or name" label="Find VLANs" />
        <ClearFilters on={!!s.q} onClear={() => set({ q: '' })} />
      </Toolbar>
      <DataGrid
        label="VLANs"
        columns={columns}
        rows={rows}
        onOpen={can ? setEditing : undefined}
        empty={
          s.q ? (
            <EmptyState icon={IconSitemap} title="No VLAN fits" hint="Search for other text." />
          ) : (
            <EmptyState icon={IconSitemap} title="No VLAN yet" hint="VLANs appear here as discovery reads switches.">
              {add}
            </EmptyState>
          )
        }
      />
      <VlanDialog
        vlan={editing === 'new' ? undefined : editing}
        opened={!!editing}
        onClose={() => setEditing(undefined)}
        onDone={rows.reload}
      />
      <ConfirmDialog
        opened={!!removing}
        onClose={() => setRemoving(undefined)}
        title={`Remove VLAN ${removing?.vid ?? ''}?`}
        action="Remove"
        run={async () => {
          if (removing) await deleteVlan(removing.id);
          done('VLAN removed.');
          rows.reload();
        }}
      >
        Prefixes that name its number keep it.
      </ConfirmDialog>
    </>
  );
}
