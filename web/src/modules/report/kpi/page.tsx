import { Autocomplete, Button } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconDownload, IconReportAnalytics } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { duration, percent } from '@/lib/format';
import { useItems, useTeams } from '@/lib/names';
import { PERIODS, type Range, resolveRange } from '@/lib/range';
import { useZone } from '@/lib/time';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Facet } from '@/ui/Filters';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { TimeRange } from '@/ui/TimeRange';
import { type Line, stepFor } from './model';
import { Figures, Incidents, Outages, TimeBar, Trend } from './parts';
import { csvURL, listLines, type Period, reportQuery, trendQuery } from './queries';

export const Route = createLazyRoute('/report/availability')({ component: Page });

type Search = Range & { item?: string; owner?: string };
const FALLBACK = '-30d';

function Page() {
  const [s, set] = useUrlState<Search>();
  const teams = useTeams();
  // The end of a live period is the moment in which it was chosen, so that the keys of the queries stay the same.
  const range = useMemo(() => resolveRange({ from: s.from, to: s.to }, Date.now(), FALLBACK), [s.from, s.to]);
  const period = useMemo<Period>(() => ({ from: range.from.toISOString(), to: range.to.toISOString() }), [range]);
  return (
    <>
      <PageHead
        title={s.item ?? 'Availability'}
        parent={s.item ? { label: 'Availability', to: '/report/availability' } : undefined}
      >
        <Spacer />
        <TimeRange value={s} onChange={set} presets={PERIODS} fallback={FALLBACK} />
        {s.item && (
          <Button
            component="a"
            variant="default"
            href={csvURL(s.item, period)}
            download
            leftSection={<IconDownload size={14} />}
          >
            CSV
          </Button>
        )}
      </PageHead>
      <Toolbar label="Report of">
        <ItemPicker value={s.item ?? ''} onChange={(item) => set({ item: item || undefined }, { push: true })} />
        {!s.item && (
          <Facet
            label="Team"
            choices={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
            value={s.owner ? [s.owner] : []}
            onChange={(v) => set({ owner: v.at(-1) })}
          />
        )}
      </Toolbar>
      {s.item ? (
        <One item={s.item} period={period} from={range.from} to={range.to} />
      ) : (
        <All period={period} owner={s.owner} onOpen={(item) => set({ item }, { push: true })} />
      )}
    </>
  );
}

function ItemPicker({ value, onChange }: { value: string; onChange: (v: string) => void }) {
  const [typed, setTyped] = useState(value);
  const [asked] = useDebouncedValue(typed, 150);
  const items = useItems(asked === value ? '' : asked);
  useEffect(() => setTyped(value), [value]);
  return (
    <Autocomplete
      size="xs"
      aria-label="Item"
      placeholder="Choose an item"
      w={260}
      data={items.map((i) => i.name)}
      value={typed}
      onChange={setTyped}
      onOptionSubmit={onChange}
      onKeyDown={(e) => {
        if (e.key === 'Enter' && items.some((i) => i.name === typed)) onChange(typed);
      }}
      clearable
      onClear={() => onChange('')}
    />
  );
}

function One({ item, period, from, to }: { item: string; period: Period; from: Date; to: Date }) {
  const zone = useZone();
  const step = stepFor(from, to);
  const tz = zone === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone;
  const report = useQuery(reportQuery(item, period));
  const trend = useQuery(trendQuery(item, period, step, tz));
  return (
    <Loaded query={report} what={`The report of ${item}`} rows={14}>
      {(r) => (
        <PageBody label={`Report of ${item}`}>
          <Panel title="Time of the period" note={`Rules ${r.rules_version}`}>
            <TimeBar buckets={r.buckets} />
          </Panel>
          <Figures report={r} />
          <Panel title={`By ${step}`}>
            <Loaded query={trend} what="The trend" rows={3} small>
              {(t) => <Trend points={t.points ?? []} step={step} />}
            </Loaded>
          </Panel>
          <Outages report={r} />
          <Incidents report={r} />
        </PageBody>
      )}
    </Loaded>
  );
}

const COLUMNS: Column<Line>[] = [
  {
    id: 'item',
    label: 'Item',
    min: 200,
    main: true,
    render: (r) => (
      <>
        {r.title || r.item} {r.title && r.title !== r.item && <span className="mono muted">{r.item}</span>}
      </>
    ),
  },
  { id: 'kind', label: 'Kind', width: 130, render: (r) => <span>{r.kind}</span> },
  {
    id: 'availability',
    label: 'Availability',
    width: 120,
    right: true,
    render: (r) => (r.availability === null ? <span className="muted">No data</span> : percent(r.availability)),
  },
  { id: 'downtime', label: 'Downtime', width: 110, right: true, render: (r) => duration(r.downtime_seconds) },
  { id: 'failures', label: 'Failures', width: 90, right: true, render: (r) => r.failures },
  { id: 'incidents', label: 'Incidents', width: 90, right: true, render: (r) => r.incidents },
];
const card = (r: Line) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.title || r.item}</span>
    <span className="num">{r.availability === null ? 'No data' : percent(r.availability)}</span>
    <span className="muted">{r.kind}</span>
    <span className="num muted">{duration(r.downtime_seconds)} down</span>
  </>
);
const idOf = (r: Line) => r.item;

function All({ period, owner, onOpen }: { period: Period; owner: string | undefined; onOpen: (item: string) => void }) {
  const rows = useRows<Line>({
    queryKey: ['report-items', period, owner],
    fetchPage: ({ cursor, limit }, signal) => listLines(period, owner, undefined, cursor, limit, signal),
    idOf,
  });
  return (
    <>
      <div style={{ padding: '6px 16px' }}>
        <RowCount rows={rows} one="item" many="items" />
      </div>
      <DataGrid
        label="Availability of items"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => onOpen(r.item)}
        empty={
          <EmptyState
            icon={IconReportAnalytics}
            title={owner ? 'This team has no item' : 'No item'}
            hint="Reports are about items that checks watch."
          />
        }
      />
    </>
  );
}
