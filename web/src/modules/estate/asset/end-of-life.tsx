import { Button } from '@mantine/core';
import { IconCalendarOff, IconPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Can } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { ReleaseDialog } from './forms';
import { Sections } from './parts';
import { listMatches, type Match } from './queries';

export const Route = createLazyRoute('/estate/end-of-life')({ component: Page });

type State = 'past' | 'soon' | 'later';
const CHOICES = [
  { value: 'past', label: 'Past its end' },
  { value: 'soon', label: 'Within 6 months' },
  { value: 'later', label: 'Later' },
];
const idOf = (r: Match) => `${r.item}/${r.product}`;
const ends = (r: Match) =>
  r.ends_on ? (
    <Pill tone={r.past ? 'down' : 'plain'}>{r.past ? `Ended ${r.ends_on}` : r.ends_on}</Pill>
  ) : (
    <span className="muted">No end</span>
  );
const COLUMNS: Column<Match>[] = [
  {
    id: 'item',
    label: 'Item',
    min: 180,
    main: true,
    render: (r) => <Link to={`/estate/items/${r.item}` as string}>{r.item}</Link>,
  },
  { id: 'title', label: 'Product', min: 180, render: (r) => r.title },
  { id: 'ends', label: 'Support ends', width: 150, render: ends },
  { id: 'found', label: 'Found', min: 200, render: (r) => <span className="muted">{r.found}</span> },
];
const card = (r: Match) => (
  <>
    <Link to={`/estate/items/${r.item}` as string}>{r.item}</Link>
    {ends(r)}
    <span>{r.title}</span>
  </>
);

function Page() {
  const [s, set] = useUrlState<{ state?: State; product?: string }>();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const rows = useRows<Match>({
    queryKey: ['assets', 'end-of-life', s],
    fetchPage: ({ cursor, limit }, signal) =>
      listMatches({ state: s.state, product: s.product }, cursor, limit, signal),
    idOf,
  });
  return (
    <>
      <PageHead title="Assets">
        <RowCount rows={rows} one="product on an item" many="products on items" />
        <Spacer />
        <Can permission="asset.write">
          <Button leftSection={<IconPlus size={14} />} onClick={() => setAdding(true)}>
            Set a date
          </Button>
        </Can>
      </PageHead>
      <Sections at="end-of-life" />
      <Toolbar>
        <Facet
          label="Support ends"
          choices={CHOICES}
          value={s.state ? [s.state] : []}
          onChange={(v) => set({ state: v.at(-1) as State | undefined })}
        />
        <ClearFilters on={!!(s.state || s.product)} onClear={() => set({ state: undefined, product: undefined })} />
      </Toolbar>
      <DataGrid
        label="End of life"
        columns={COLUMNS}
        rows={rows}
        card={card}
        empty={
          <EmptyState
            icon={IconCalendarOff}
            title={s.state ? 'Nothing fits' : 'No known product found yet'}
            hint={
              s.state
                ? 'Take the filter back.'
                : 'Products are found in what discovery and agents say of items, such as the operating system.'
            }
          />
        }
      />
      <ReleaseDialog
        opened={adding}
        onClose={() => setAdding(false)}
        onDone={() => void client.invalidateQueries({ queryKey: ['assets'] })}
      />
    </>
  );
}
