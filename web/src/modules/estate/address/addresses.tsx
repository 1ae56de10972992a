import { Button, Checkbox } from '@mantine/core';
import { IconNetwork, IconPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { Can } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { AddressGrid, idOf } from './address-table';
import { AddressView } from './address-view';
import { AddressDialog, type AddressWish } from './forms';
import { type Address, dnsText } from './model';
import { Sections } from './parts';
import { listAddresses } from './queries';

export const Route = createLazyRoute('/estate/addresses')({ component: Page });

interface Search {
  q?: string;
  vrf?: string;
  status?: Address['status'];
  dns?: Address['dns']['state'] | 'wrong';
  conflict?: boolean;
  item?: string;
}

const STATUS = [
  { value: 'active', label: 'Active' },
  { value: 'reserved', label: 'Reserved' },
  { value: 'dhcp', label: 'DHCP' },
  { value: 'deprecated', label: 'Deprecated' },
];
const DNS = [
  { value: 'wrong', label: 'Anything wrong' },
  ...['mismatch', 'no_forward', 'no_reverse', 'none', 'ok', 'failed', 'unchecked'].map((v) => ({
    value: v,
    label: dnsText(v).text,
  })),
];

function Page() {
  const [s, set] = useUrlState<Search>();
  const client = useQueryClient();
  const [wish, setWish] = useState<AddressWish>();
  const [shown, setShown] = useState<Address>();
  const rows = useRows<Address>({
    queryKey: ['addresses', 'list', s],
    fetchPage: ({ cursor, limit }, signal) =>
      listAddresses(
        { q: s.q, vrf: s.vrf, status: s.status, dns: s.dns, conflict: s.conflict || undefined, item: s.item },
        cursor,
        limit,
        signal,
      ),
    idOf,
  });
  const again = () => void client.invalidateQueries({ queryKey: ['addresses'] });
  const filtered = !!(s.q || s.vrf || s.status || s.dns || s.conflict || s.item);
  const add = (
    <Can permission="address.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => setWish({})}>
        Add an address
      </Button>
    </Can>
  );
  return (
    <>
      <PageHead title="Addresses">
        <RowCount rows={rows} one="address" many="addresses" />
        <Spacer />
        {add}
      </PageHead>
      <Sections at="addresses" />
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Address, name or text"
          label="Find addresses"
        />
        <Facet
          label="Status"
          choices={STATUS}
          value={s.status ? [s.status] : []}
          onChange={(v) => set({ status: v.at(-1) as Search['status'] })}
        />
        <Facet
          label="DNS"
          choices={DNS}
          value={s.dns ? [s.dns] : []}
          onChange={(v) => set({ dns: v.at(-1) as Search['dns'] })}
        />
        {s.item && (
          <Facet
            label="Item"
            choices={[{ value: s.item, label: s.item }]}
            value={[s.item]}
            onChange={(v) => set({ item: v[0] })}
          />
        )}
        <Checkbox
          size="xs"
          label="Conflicts"
          checked={!!s.conflict}
          onChange={(e) => set({ conflict: e.currentTarget.checked || undefined })}
        />
        <ClearFilters
          on={filtered}
          onClear={() =>
            set({ q: '', vrf: undefined, status: undefined, dns: undefined, conflict: undefined, item: undefined })
          }
        />
      </Toolbar>
      <AddressGrid
        rows={rows}
        onEdit={setShown}
        empty={
          filtered ? (
            <EmptyState
              icon={IconNetwork}
              title={s.conflict ? 'No conflict' : 'No address fits'}
              hint={
                s.conflict ? 'No address is claimed by two items.' : 'Take a filter back, or search for other text.'
              }
            />
          ) : (
            <EmptyState
              icon={IconNetwork}
              title="No address yet"
              hint="Addresses appear here as discovery and agents see them. You can also take one of a prefix."
            >
              {add}
            </EmptyState>
          )
        }
      />
      <AddressView
        address={shown}
        onClose={() => setShown(undefined)}
        onEdit={(known) => {
          setShown(undefined);
          setWish({ known });
        }}
        onDone={again}
      />
      <AddressDialog wish={wish} onClose={() => setWish(undefined)} onDone={again} />
    </>
  );
}
