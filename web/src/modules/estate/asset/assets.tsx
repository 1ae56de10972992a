import { Button, Checkbox } from '@mantine/core';
import { IconDownload, IconPackage, IconPlus, IconQrcode } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useNavigate } from '@tanstack/react-router';
import { Can } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill, words } from '@/ui/StatusMark';
import { AssetDialog } from './forms';
import { AssetState, Sections, STATES } from './parts';
import { type Asset, csvURL, listAssets, summaryQuery } from './queries';

export const Route = createLazyRoute('/estate/assets')({ component: Page });

interface Search {
  q?: string;
  state?: string[];
  holder?: string;
  overdue?: boolean;
  add?: boolean;
}
const idOf = (r: Asset) => r.tag;
const COLUMNS: Column<Asset>[] = [
  { id: 'tag', label: 'Tag', width: 110, mono: true, render: (r) => r.tag },
  { id: 'title', label: 'Title', min: 180, main: true, render: (r) => r.title },
  { id: 'state', label: 'State', width: 100, render: (r) => <AssetState state={r.state} /> },
  { id: 'category', label: 'Category', min: 90, render: (r) => r.category },
  { id: 'model', label: 'Model', min: 130, render: (r) => [r.manufacturer, r.model].filter(Boolean).join(' ') },
  { id: 'serial', label: 'Serial', min: 110, mono: true, render: (r) => r.serial },
  {
    id: 'holder',
    label: 'With',
    min: 140,
    render: (r) =>
      r.holder ? (
        <>
          {r.holder.name || r.holder.email} {r.overdue && <Pill tone="down">Overdue</Pill>}
        </>
      ) : (
        <span className="muted">{r.location}</span>
      ),
  },
  {
    id: 'warranty',
    label: 'Warranty until',
    width: 110,
    render: (r) => <span className="num">{r.warranty_until}</span>,
  },
];
const card = (r: Asset) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.title}</span>
    <AssetState state={r.state} />
    <span className="mono">{r.tag}</span>
    <span className="muted">{r.holder?.name || r.holder?.email || r.location}</span>
  </>
);

function Page() {
  const [s, set] = useUrlState<Search>();
  const navigate = useNavigate();
  const client = useQueryClient();
  const summary = useQuery(summaryQuery);
  const filters = { q: s.q, state: s.state, holder: s.holder, overdue: s.overdue || undefined };
  const rows = useRows<Asset>({
    queryKey: ['assets', 'list', filters],
    fetchPage: ({ cursor, limit }, signal) => listAssets(filters, cursor, limit, signal),
    idOf,
  });
  const counts = summary.data?.states ?? {};
  const filtered = !!(s.q || s.state?.length || s.holder || s.overdue);
  const add = (
    <Can permission="asset.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: true })}>
        Add an asset
      </Button>
    </Can>
  );
  const shown = Array.from({ length: Math.min(rows.count, 100) }, (_, i) => rows.get(i)).filter((r) => r !== undefined);
  return (
    <>
      <PageHead title="Assets">
        <RowCount rows={rows} one="asset" many="assets" />
        <Spacer />
        <Button
          variant="default"
          leftSection={<IconQrcode size={14} />}
          disabled={!shown.length}
          onClick={() =>
            void navigate({ to: '/estate/asset-labels' as string, search: { tags: shown.map(idOf) } as never })
          }
        >
          Labels
        </Button>
        <Button
          component="a"
          variant="default"
          href={csvURL(filters)}
          download
          leftSection={<IconDownload size={14} />}
        >
          CSV
        </Button>
        {add}
      </PageHead>
      <Sections at="assets" />
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Tag, title, serial, place"
          label="Find assets"
        />
        <Facet
          label="State"
          choices={STATES.map((v) => ({ value: v, label: `${words(v)}${counts[v] ? ` (${counts[v]})` : ''}` }))}
          value={s.state ?? []}
          onChange={(state) => set({ state })}
        />
        <Checkbox
          size="xs"
          label="Mine"
          checked={s.holder === 'me'}
          onChange={(e) => set({ holder: e.currentTarget.checked ? 'me' : undefined })}
        />
        <Checkbox
          size="xs"
          label={summary.data?.overdue ? `Overdue (${summary.data.overdue})` : 'Overdue'}
          checked={!!s.overdue}
          onChange={(e) => set({ overdue: e.currentTarget.checked || undefined })}
        />
        <ClearFilters
          on={filtered}
          onClear={() => set({ q: '', state: undefined, holder: undefined, overdue: undefined })}
        />
      </Toolbar>
      <DataGrid
        label="Assets"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => void navigate({ to: `/estate/assets/${r.tag}` as string })}
        empty={
          filtered ? (
            <EmptyState icon={IconPackage} title="No asset fits" hint="Take a filter back, or search for other text." />
          ) : (
            <EmptyState icon={IconPackage} title="No asset yet" hint="Add what you own: laptops, servers, phones.">
              {add}
            </EmptyState>
          )
        }
      />
      <AssetDialog
        opened={!!s.add}
        onClose={() => set({ add: undefined })}
        onDone={() => void client.invalidateQueries({ queryKey: ['assets'] })}
      />
    </>
  );
}
