import { Button } from '@mantine/core';
import { IconFilterOff } from '@tabler/icons-react';
import { useState } from 'react';
import { milliseconds } from '@/lib/format';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount, SelectionBar, type Sort } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill, StatusMark, Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';

interface Row {
  name: string;
  item: string;
  state: string;
  hard: boolean;
  since: string;
  output: string;
  ms: number;
  labels: string[];
}
const STATES = ['ok', 'ok', 'ok', 'ok', 'ok', 'warning', 'critical', 'unknown', 'unreachable', 'pending'];
const TOTAL = 100_000;
const START = Date.now();
function make(i: number): Row {
  const state = STATES[(i * 7 + (i >> 3)) % STATES.length] as string;
  return {
    name: `shop-http-${i}`,
    item: `host-${i % 900}.example.org`,
    state,
    hard: i % 5 !== 0,
    since: new Date(START - i * 61_000).toISOString(),
    output: state === 'ok' ? `HTTP 200 in ${20 + (i % 90)} ms` : 'connect: connection refused',
    ms: 20 + (i % 90) + i / 7777,
    labels: i % 3 ? ['prod'] : ['staging', 'eu'],
  };
}

const COLUMNS: Column<Row>[] = [
  {
    id: 'state',
    label: 'State',
    width: 124,
    sortable: true,
    render: (r) => <StatusMark state={r.state} soft={!r.hard && r.state !== 'ok'} />,
  },
  { id: 'name', label: 'Check', min: 180, main: true, sortable: true, render: (r) => r.name },
  { id: 'item', label: 'Item', width: 190, mono: true, render: (r) => r.item },
  { id: 'output', label: 'Last result', min: 220, render: (r) => <span>{r.output}</span> },
  { id: 'labels', label: 'Labels', width: 130, render: (r) => r.labels.map((l) => <Tag key={l}>{l}</Tag>) },
  { id: 'kind', label: 'Alert', width: 120, render: (r) => (r.state === 'critical' ? <Pill state="firing" /> : null) },
  { id: 'ms', label: 'Time', width: 84, right: true, render: (r) => milliseconds(r.ms) },
  {
    id: 'since',
    label: 'Since',
    width: 84,
    right: true,
    sortable: true,
    render: (r) => <Time at={r.since} mode="age" />,
  },
];
const card = (r: Row) => (
  <>
    <StatusMark state={r.state} />
    <Time at={r.since} mode="age" />
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="mono muted">{milliseconds(r.ms)}</span>
  </>
);

export function GalleryGrid() {
  const [s, set] = useUrlState<{ q?: string; state?: string[] }>();
  const [sort, setSort] = useState<Sort>({ by: 'state', desc: false });
  const [sel, setSel] = useState<ReadonlySet<string>>(new Set());
  const rows = useRows<Row>({
    queryKey: ['gallery', s.q, s.state, sort],
    idOf: (r) => r.name,
    topic: 'checks',
    fetchPage: async ({ cursor, limit }) => {
      await new Promise((r) => setTimeout(r, 20));
      if (s.q === 'none') return { items: [] };
      const at = Number(cursor ?? 0);
      const items = Array.from({ length: Math.min(limit, TOTAL - at) }, (_, k) => make(at + k));
      return { items, next: at + limit < TOTAL ? String(at + limit) : undefined, total: TOTAL };
    },
  });
  return (
    <>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Filter by name or item"
          label="Filter checks"
        />
        <Facet
          label="State"
          value={s.state}
          onChange={(state) => set({ state })}
          choices={['ok', 'warning', 'critical'].map((v) => ({ value: v, label: v }))}
        />
        <ClearFilters on={!!s.q || !!s.state?.length} onClear={() => set({ q: undefined, state: undefined })} />
        <Spacer />
        <RowCount rows={rows} one="check" many="checks" />
        <Button>Add check</Button>
      </Toolbar>
      <DataGrid
        label="Checks"
        columns={COLUMNS}
        rows={rows}
        sort={sort}
        onSort={setSort}
        selected={sel}
        onSelect={setSel}
        onOpen={() => {}}
        card={card}
        faded={(r) => r.state === 'pending'}
        empty={<EmptyState icon={IconFilterOff} title="No check matches" hint="Remove a filter, or add a check." />}
      />
      <SelectionBar count={sel.size} onClear={() => setSel(new Set())}>
        <Button>Acknowledge</Button>
      </SelectionBar>
    </>
  );
}
