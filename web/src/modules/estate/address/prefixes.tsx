import { Button, Checkbox } from '@mantine/core';
import { IconNetwork, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, useNavigate } from '@tanstack/react-router';
import { Can } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill, Tag } from '@/ui/StatusMark';
import classes from './address.module.css';
import { PrefixDialog } from './forms';
import type { Prefix } from './model';
import { Sections, Usage } from './parts';
import { listPrefixes, vrfsQuery } from './queries';

export const Route = createLazyRoute('/estate/prefixes')({ component: Page });

interface Search {
  q?: string;
  vrf?: string;
  family?: '4' | '6';
  full?: boolean;
  add?: boolean;
}

const net = (r: Prefix) => (
  <span className={classes.net} style={{ paddingLeft: Math.min(r.depth, 8) * 16 }}>
    <span className="mono">{r.prefix}</span>
    {r.status !== 'active' && <Tag>{r.status}</Tag>}
    {r.nearly_full && <Pill tone="warn">Nearly full</Pill>}
  </span>
);
const COLUMNS: Column<Prefix>[] = [
  { id: 'prefix', label: 'Prefix', min: 240, main: true, render: net },
  { id: 'usage', label: 'Used', width: 250, render: (r) => <Usage prefix={r} /> },
  { id: 'vlan', label: 'VLAN', width: 64, right: true, render: (r) => <span className="num">{r.vlan || '–'}</span> },
  { id: 'site', label: 'Site', min: 90, render: (r) => r.site ?? '–' },
  { id: 'role', label: 'Role', min: 90, render: (r) => r.role ?? '–' },
  { id: 'description', label: 'Description', min: 140, render: (r) => <span className="muted">{r.description}</span> },
  { id: 'source', label: 'Source', width: 92, render: (r) => (r.source === 'manual' ? 'Typed' : 'Discovered') },
];
const card = (r: Prefix) => (
  <>
    {net(r)}
    <Usage prefix={r} />
    <span className="muted">{r.description || r.site || r.role}</span>
  </>
);
const idOf = (r: Prefix) => r.id;

function Page() {
  const [s, set] = useUrlState<Search>();
  const navigate = useNavigate();
  const vrfs = useQuery(vrfsQuery);
  const rows = useRows<Prefix>({
    queryKey: ['addresses', 'prefixes', s.q, s.vrf, s.family, s.full],
    fetchPage: ({ cursor, limit }, signal) =>
      listPrefixes(
        { q: s.q, vrf: s.vrf, family: s.family ? Number(s.family) : undefined, nearly_full: s.full || undefined },
        cursor,
        limit,
        signal,
      ),
    idOf,
  });
  const filtered = !!(s.q || s.vrf || s.family || s.full);
  const choices = [
    { value: 'global', label: 'Global table' },
    ...(vrfs.data?.items ?? []).map((v) => ({ value: v.name, label: v.name })),
  ];
  const add = (
    <Can permission="address.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: true })}>
        Add a prefix
      </Button>
    </Can>
  );
  return (
    <>
      <PageHead title="Addresses">
        <RowCount rows={rows} one="prefix" many="prefixes" />
        <Spacer />
        {add}
      </PageHead>
      <Sections at="prefixes" />
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Network, site or text"
          label="Find prefixes"
        />
        <Facet
          label="Family"
          choices={[
            { value: '4', label: 'IPv4' },
            { value: '6', label: 'IPv6' },
          ]}
          value={s.family ? [s.family] : []}
          onChange={(v) => set({ family: v.at(-1) as Search['family'] })}
        />
        {choices.length > 1 && (
          <Facet label="VRF" choices={choices} value={s.vrf ? [s.vrf] : []} onChange={(v) => set({ vrf: v.at(-1) })} />
        )}
        <Checkbox
          size="xs"
          label="Nearly full"
          checked={!!s.full}
          onChange={(e) => set({ full: e.currentTarget.checked || undefined })}
        />
        <ClearFilters
          on={filtered}
          onClear={() => set({ q: '', vrf: undefined, family: undefined, full: undefined })}
        />
      </Toolbar>
      <DataGrid
        label="Prefixes"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => void navigate({ to: `/estate/prefixes/${r.id}` as string })}
        empty={
          filtered ? (
            <EmptyState
              icon={IconNetwork}
              title="No prefix fits"
              hint="Take a filter back, or search for other text."
            />
          ) : (
            <EmptyState
              icon={IconNetwork}
              title="No prefix yet"
              hint="Networks appear here as discovery and agents see them. You can also add those that you plan."
            >
              {add}
            </EmptyState>
          )
        }
      />
      <PrefixDialog opened={!!s.add} onClose={() => set({ add: undefined })} onDone={rows.reload} />
    </>
  );
}
