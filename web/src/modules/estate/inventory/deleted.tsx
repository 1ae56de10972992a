import { IconTrashOff } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { PageHead } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { type Gone, listGone } from './kept-queries';
import { kindTitle } from './list';

export const Route = createLazyRoute('/estate/deleted-items')({ component: Page });

/** The item as it was a second before it was removed. */
const url = (g: Gone) =>
  `/estate/items/${encodeURIComponent(g.name)}?as_of=${encodeURIComponent(
    `${new Date(new Date(g.gone_at).getTime() - 1000).toISOString().slice(0, 19)}Z`,
  )}` as string;
const COLUMNS: Column<Gone>[] = [
  {
    id: 'name',
    label: 'Item',
    min: 200,
    main: true,
    render: (g) => (
      <Link to={url(g)} style={{ color: 'inherit' }} tabIndex={-1}>
        {g.name}
      </Link>
    ),
  },
  { id: 'kind', label: 'Kind', min: 140, render: (g) => kindTitle(g.kind) },
  { id: 'actor', label: 'Removed by', min: 160, render: (g) => g.actor },
  { id: 'created', label: 'Added', width: 120, right: true, render: (g) => <Time at={g.created_at} /> },
  { id: 'gone', label: 'Removed', width: 120, right: true, render: (g) => <Time at={g.gone_at} /> },
];
const card = (g: Gone) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{g.name}</span>
    <Time at={g.gone_at} />
    <span className="muted">{kindTitle(g.kind)}</span>
    <span className="muted">{g.actor}</span>
  </>
);
const idOf = (g: Gone) => `${g.name} ${g.gone_at}`;

function Page() {
  const navigate = useNavigate();
  const rows = useRows<Gone>({
    queryKey: ['deleted-items'],
    fetchPage: ({ cursor, limit }, signal) => listGone(cursor, limit, signal),
    idOf,
  });
  return (
    <>
      <PageHead title="Deleted items" parent={{ label: 'Items', to: '/estate/items' }}>
        <RowCount rows={rows} one="item" many="items" />
      </PageHead>
      <DataGrid
        label="Deleted items"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(g) => void navigate({ to: url(g) })}
        empty={
          <EmptyState
            icon={IconTrashOff}
            title="Nothing was removed"
            hint="An item that is removed can still be read here, as it was at its end."
          />
        }
      />
    </>
  );
}
