import { ActionIcon, Button, Menu, TextInput } from '@mantine/core';
import { IconCamera, IconDots, IconFileImport, IconPlus, IconServer2, IconTrash } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useTeams } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { StatusMark, Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { type Criticality, type Filters, type Item, kindChoices, listItems, useKinds } from './queries';

export const Route = createLazyRoute('/estate/items')({ component: List });

const SHORT = /\b(cpu|cpus|dns|ip|mac|mtu|os|pid|ram|tls|url|uuid|vlan)\b/gi;
const acronym = (w: string) => (w === 'cpus' ? 'CPUs' : w.toUpperCase());
/** "network_device" gives "Network device", "cpu_model" gives "CPU model". */
export const kindTitle = (k: string) =>
  k
    .replaceAll('_', ' ')
    .replace(/^\w/, (c) => c.toUpperCase())
    .replace(SHORT, (w) => acronym(w.toLowerCase()));

const COLUMNS: Column<Item>[] = [
  {
    id: 'state',
    label: 'State',
    width: 110,
    render: (r) => (r.state ? <StatusMark state={r.state} /> : <span className="muted">not watched</span>),
  },
  {
    id: 'name',
    label: 'Name',
    min: 200,
    main: true,
    render: (r) => (
      <Link to={`/estate/items/${encodeURIComponent(r.name)}` as string} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  {
    id: 'title',
    label: 'Title',
    min: 140,
    render: (r) => (r.title && r.title !== r.name ? r.title : <span className="muted">–</span>),
  },
  { id: 'kind', label: 'Kind', width: 130, render: (r) => kindTitle(r.kind) },
  { id: 'owner', label: 'Owner', width: 120, render: (r) => r.owner || <span className="muted">–</span> },
  { id: 'criticality', label: 'Criticality', width: 96, render: (r) => kindTitle(r.criticality) },
  {
    id: 'labels',
    label: 'Labels',
    width: 180,
    render: (r) => (
      <>
        {Object.entries(r.labels ?? {})
          .slice(0, 3)
          .map(([k, v]) => (
            <Tag key={k}>{v ? `${k}=${v}` : k}</Tag>
          ))}
      </>
    ),
  },
  { id: 'updated', label: 'Changed', width: 96, right: true, render: (r) => <Time at={r.updated_at} /> },
];
const card = (r: Item) => (
  <>
    {r.state ? <StatusMark state={r.state} /> : <span className="muted">not watched</span>}
    <span className="muted">{kindTitle(r.kind)}</span>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{r.owner}</span>
  </>
);
const idOf = (r: Item) => r.name;
const faded = (r: Item) => r.lifecycle === 'retired';
const LEVELS = ['critical', 'high', 'medium', 'low'].map((value) => ({ value, label: kindTitle(value) }));

const LIVES = ['planned', 'in_use', 'retired'].map((value) => ({ value, label: kindTitle(value) }));
const STATES = [
  { value: 'ok', label: 'OK' },
  { value: 'warning', label: 'Warning' },
  { value: 'critical', label: 'Critical' },
  { value: 'unknown', label: 'Unknown' },
  { value: 'none', label: 'Not watched' },
];

/** One line for filters by value: a label, or attributes.key=value. */
export function valueFilter(f: Filters): string {
  return [f.label, ...(f.attribute ?? []).map((a) => `attributes.${a}`)].filter(Boolean).join(' ');
}

export function readValueFilter(line: string): Pick<Filters, 'label' | 'attribute'> {
  const words = line.split(/\s+/).filter(Boolean);
  const attribute = words.filter((w) => /^attributes\.[^=]+=./.test(w)).map((w) => w.slice('attributes.'.length));
  return {
    label: words.find((w) => !w.startsWith('attributes.')),
    attribute: attribute.length ? attribute : undefined,
  };
}

/** Takes the line when it is left or Enter is pressed. */
function ValueFilter({ value, onChange }: { value: string; onChange: (v: string) => void }) {
  return (
    <TextInput
      key={value}
      defaultValue={value}
      aria-label="Filter by a label, or by an attribute such as attributes.serial=A1"
      title="A label such as env=prod, or attributes such as attributes.serial=A1"
      placeholder="Label or attribute"
      w={200}
      onBlur={(e) => e.currentTarget.value !== value && onChange(e.currentTarget.value)}
      onKeyDown={(e) => e.key === 'Enter' && e.currentTarget.value !== value && onChange(e.currentTarget.value)}
    />
  );
}

function List() {
  const [s, set] = useUrlState<Filters>();
  const navigate = useNavigate();
  const may = useCan()('item.write');
  const kinds = useKinds().data?.items ?? [];
  const teams = useTeams();
  const rows = useRows<Item>({
    queryKey: ['items', s],
    fetchPage: ({ cursor, limit }, signal) => listItems(s, cursor, limit, signal),
    idOf,
    topic: 'items',
  });
  const filtered = !!(s.q || s.kind || s.owner || s.criticality || s.lifecycle || s.state || s.label || s.attribute);
  return (
    <>
      <PageHead title="Items">
        <RowCount rows={rows} one="item" many="items" />
        <Spacer />
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="default" size={30} aria-label="More about items">
              <IconDots size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              leftSection={<IconCamera size={14} />}
              onClick={() => void navigate({ to: '/estate/baselines' as string })}
            >
              Baselines
            </Menu.Item>
            <Menu.Item
              leftSection={<IconTrash size={14} />}
              onClick={() => void navigate({ to: '/estate/deleted-items' as string })}
            >
              Deleted items
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
        {may && (
          <Button
            component={Link}
            to={'/estate/import' as string}
            variant="default"
            leftSection={<IconFileImport size={14} />}
          >
            Import
          </Button>
        )}
        {may && (
          <Button component={Link} to={'/estate/items/new' as string} leftSection={<IconPlus size={14} />}>
            Add an item
          </Button>
        )}
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Name or title"
          label="Find items"
        />
        <Facet
          label="Kind"
          choices={kindChoices(kinds)}
          value={s.kind ? [s.kind] : []}
          onChange={(v) => set({ kind: v.at(-1) })}
        />
        <Facet
          label="Owner"
          choices={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
          value={s.owner ? [s.owner] : []}
          onChange={(v) => set({ owner: v.at(-1) })}
        />
        <Facet
          label="Criticality"
          choices={LEVELS}
          value={s.criticality ? [s.criticality] : []}
          onChange={(v) => set({ criticality: v.at(-1) as Criticality | undefined })}
        />
        <Facet
          label="Lifecycle"
          choices={LIVES}
          value={s.lifecycle ? [s.lifecycle] : []}
          onChange={(v) => set({ lifecycle: v.at(-1) as Filters['lifecycle'] })}
        />
        <Facet
          label="State"
          choices={STATES}
          value={s.state ? [s.state] : []}
          onChange={(v) => set({ state: v.at(-1) })}
        />
        <ValueFilter value={valueFilter(s)} onChange={(v) => set(readValueFilter(v))} />
        <ClearFilters
          on={filtered}
          onClear={() =>
            set({
              q: undefined,
              kind: undefined,
              owner: undefined,
              criticality: undefined,
              lifecycle: undefined,
              state: undefined,
              label: undefined,
              attribute: undefined,
            })
          }
        />
      </Toolbar>
      <DataGrid
        label="Items"
        columns={COLUMNS}
        rows={rows}
        card={card}
        faded={faded}
        onOpen={(r) => void navigate({ to: `/estate/items/${encodeURIComponent(r.name)}` as string })}
        empty={
          filtered ? (
            <EmptyState icon={IconServer2} title="No item fits these filters" hint="Change or clear them." />
          ) : (
            <EmptyState
              icon={IconServer2}
              title="Nothing is on the map yet"
              hint="This machine appears by itself when discovery is on. Add what else you run, or apply an ops.yaml."
            >
              {may && (
                <Button component={Link} to={'/estate/items/new' as string}>
                  Add an item
                </Button>
              )}
            </EmptyState>
          )
        }
      />
    </>
  );
}
