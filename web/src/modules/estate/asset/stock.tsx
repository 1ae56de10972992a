import { Button, Checkbox, Modal } from '@mantine/core';
import { IconBox, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { Can } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import classes from './asset.module.css';
import { BookForm, StockDialog } from './forms';
import { Sections } from './parts';
import { bookingsQuery, listStock, type Stock } from './queries';

export const Route = createLazyRoute('/estate/stock')({ component: Page });

const idOf = (r: Stock) => r.id;
const count = (r: Stock) => (
  <span className="num">
    {r.quantity.toLocaleString('en-US')} {r.unit}
  </span>
);
const short = (r: Stock) => (r.short ? <Pill tone="warn">Below minimum</Pill> : null);
const COLUMNS: Column<Stock>[] = [
  { id: 'name', label: 'Name', min: 200, main: true, render: (r) => r.name },
  { id: 'count', label: 'Count', width: 120, right: true, render: count },
  {
    id: 'minimum',
    label: 'Minimum',
    width: 90,
    right: true,
    render: (r) => <span className="num">{r.minimum || ''}</span>,
  },
  { id: 'short', label: 'State', width: 140, render: short },
  { id: 'category', label: 'Category', min: 100, render: (r) => r.category },
  { id: 'location', label: 'Location', min: 140, render: (r) => r.location },
];
const card = (r: Stock) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    {count(r)}
    <span className="muted">{r.location}</span>
    {short(r)}
  </>
);

function Page() {
  const [s, set] = useUrlState<{ q?: string; short?: boolean }>();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const [open, setOpen] = useState<Stock>();
  const rows = useRows<Stock>({
    queryKey: ['assets', 'stock', s],
    fetchPage: ({ cursor, limit }, signal) => listStock(s.q || undefined, !!s.short, cursor, limit, signal),
    idOf,
  });
  const again = () => void client.invalidateQueries({ queryKey: ['assets'] });
  const filtered = !!(s.q || s.short);
  const add = (
    <Can permission="asset.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => setAdding(true)}>
        Add a stock
      </Button>
    </Can>
  );
  return (
    <>
      <PageHead title="Assets">
        <RowCount rows={rows} one="stock" many="stocks" />
        <Spacer />
        {add}
      </PageHead>
      <Sections at="stock" />
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Name, category or place"
          label="Find stock"
        />
        <Checkbox
          size="xs"
          label="Below minimum"
          checked={!!s.short}
          onChange={(e) => set({ short: e.currentTarget.checked || undefined })}
        />
        <ClearFilters on={filtered} onClear={() => set({ q: '', short: undefined })} />
      </Toolbar>
      <DataGrid
        label="Stock"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={setOpen}
        empty={
          filtered ? (
            <EmptyState
              icon={IconBox}
              title={s.short ? 'Nothing is below its minimum' : 'No stock fits'}
              hint="Take a filter back, or search for other text."
            />
          ) : (
            <EmptyState icon={IconBox} title="No stock yet" hint="Add what you count: cables, disks, toner.">
              {add}
            </EmptyState>
          )
        }
      />
      <StockDialog opened={adding} onClose={() => setAdding(false)} onDone={again} />
      <Modal opened={!!open} onClose={() => setOpen(undefined)} title={open?.name} size={560}>
        {open && <Bookings stock={open} onDone={again} />}
      </Modal>
    </>
  );
}

function Bookings({ stock, onDone }: { stock: Stock; onDone: () => void }) {
  const query = useQuery(bookingsQuery(stock.id));
  return (
    <>
      <Can permission="asset.write">
        <BookForm stock={stock} onDone={onDone} />
      </Can>
      <Loaded query={query} what="The bookings" rows={3} small>
        {(d) =>
          (d.items ?? []).length === 0 ? (
            <p className="muted">No booking yet.</p>
          ) : (
            <table className={classes.table}>
              <tbody>
                {(d.items ?? []).map((b) => (
                  <tr key={b.id}>
                    <td className="num">{b.change > 0 ? `+${b.change}` : b.change}</td>
                    <td className="num muted">{b.quantity} left</td>
                    <td>{b.reason}</td>
                    <td>{b.actor}</td>
                    <td>
                      <Time at={b.at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </>
  );
}
