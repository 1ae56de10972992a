import { IconCalendarCheck } from '@tabler/icons-react';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { PageHead } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Sections } from './parts';
import { type Expiry, listExpiries } from './queries';

export const Route = createLazyRoute('/estate/expiring')({ component: Page });

const WHAT: Record<Expiry['what'], string> = {
  warranty: 'Warranty ends',
  support: 'Support ends',
  end_of_life: 'Life ends',
  renewal: 'License renews',
  notice: 'Last day to give notice',
  purchase: 'Purchase runs out',
};
const link = (r: Expiry) => (
  <Link to={`/estate/${r.kind === 'asset' ? 'assets' : 'licenses'}/${encodeURIComponent(r.name)}` as string}>
    {r.name}
  </Link>
);
const idOf = (r: Expiry) => `${r.on}/${r.what}/${r.kind}/${r.name}`;
const COLUMNS: Column<Expiry>[] = [
  { id: 'on', label: 'Day', width: 110, render: (r) => <span className="num">{r.on}</span> },
  { id: 'what', label: 'What', width: 190, render: (r) => WHAT[r.what] },
  { id: 'name', label: 'Of', min: 140, render: link },
  { id: 'title', label: 'Title', min: 220, main: true, render: (r) => r.title },
];
const card = (r: Expiry) => (
  <>
    <span>{r.title}</span>
    <span className="num">{r.on}</span>
    {link(r)}
    <span className="muted">{WHAT[r.what]}</span>
  </>
);

function Page() {
  const rows = useRows<Expiry>({
    queryKey: ['assets', 'expiring'],
    fetchPage: ({ cursor, limit }, signal) => listExpiries(cursor, limit, signal),
    idOf,
  });
  return (
    <>
      <PageHead title="Assets">
        <RowCount rows={rows} one="date in 90 days" many="dates in 90 days" />
      </PageHead>
      <Sections at="expiring" />
      <DataGrid
        label="Expiring"
        columns={COLUMNS}
        rows={rows}
        card={card}
        empty={
          <EmptyState
            icon={IconCalendarCheck}
            title="Nothing ends within 90 days"
            hint="Warranties, support, licenses and notice days appear here."
          />
        }
      />
    </>
  );
}
