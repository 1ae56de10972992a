import { Button } from '@mantine/core';
import { IconLicense, IconPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { Can } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { LicenseDialog } from './forms';
import { Sections } from './parts';
import { type License, listLicenses } from './queries';

export const Route = createLazyRoute('/estate/licenses')({ component: Page });

const idOf = (r: License) => r.name;
const num = (n: number) => <span className="num">{n.toLocaleString('en-US')}</span>;
const free = (r: License) => (r.lacking ? <Pill tone="down">{`${-r.free} too few`}</Pill> : num(r.free));
const COLUMNS: Column<License>[] = [
  { id: 'name', label: 'Name', min: 150, main: true, render: (r) => r.name },
  { id: 'product', label: 'Product', min: 180, render: (r) => r.product },
  { id: 'vendor', label: 'Vendor', min: 120, render: (r) => r.vendor },
  { id: 'entitled', label: 'Entitled', width: 90, right: true, render: (r) => num(r.entitled) },
  { id: 'assigned', label: 'Assigned', width: 90, right: true, render: (r) => num(r.assigned) },
  { id: 'used', label: 'Used', width: 80, right: true, render: (r) => num(r.used) },
  { id: 'free', label: 'Free', width: 110, right: true, render: free },
  { id: 'renewal', label: 'Renews', width: 100, render: (r) => <span className="num">{r.renewal_on}</span> },
];
const card = (r: License) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.product}</span>
    {free(r)}
    <span className="muted">{r.name}</span>
    <span className="muted num">{r.entitled} entitled</span>
  </>
);

function Page() {
  const [s, set] = useUrlState<{ q?: string }>();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const rows = useRows<License>({
    queryKey: ['assets', 'licenses', s.q],
    fetchPage: ({ cursor, limit }, signal) => listLicenses(s.q || undefined, cursor, limit, signal),
    idOf,
  });
  const add = (
    <Can permission="asset.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => setAdding(true)}>
        Add a license
      </Button>
    </Can>
  );
  return (
    <>
      <PageHead title="Assets">
        <RowCount rows={rows} one="license" many="licenses" />
        <Spacer />
        {add}
      </PageHead>
      <Sections at="licenses" />
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Name, product or vendor"
          label="Find licenses"
        />
        <ClearFilters on={!!s.q} onClear={() => set({ q: '' })} />
      </Toolbar>
      <DataGrid
        label="Licenses"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => void navigate({ to: `/estate/licenses/${encodeURIComponent(r.name)}` as string })}
        empty={
          s.q ? (
            <EmptyState icon={IconLicense} title="No license fits" hint="Search for other text." />
          ) : (
            <EmptyState
              icon={IconLicense}
              title="No license yet"
              hint="Add what you bought, and see whether it is enough."
            >
              {add}
            </EmptyState>
          )
        }
      />
      <LicenseDialog
        opened={adding}
        onClose={() => setAdding(false)}
        onDone={() => void client.invalidateQueries({ queryKey: ['assets'] })}
      />
    </>
  );
}
