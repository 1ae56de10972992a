import { Select, Switch } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { Skeleton } from '@/ui/Loading';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Sparkline } from '@/ui/StateStrip';
import { Tag } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { linesTo, MARKS, patternTo, STATES } from './model';
import { StateMark, Template } from './parts';
import classes from './pattern.module.css';
import { Policies } from './policies';
import { type Filters, type Pattern, patternsQuery } from './queries';
import { Signals } from './signals';

export const Route = createLazyRoute('/detect/patterns')({ component: Page });

type Search = Filters & { tab?: 'signals' | 'alerts' };

const SORTS = [
  { value: '', label: 'What stands out first' },
  { value: 'rare', label: 'Rarest first' },
  { value: 'most', label: 'Most lines first' },
  { value: 'newest', label: 'Newest first' },
];

const COLUMNS: Column<Pattern>[] = [
  { id: 'state', label: 'State', width: 120, render: (p) => <StateMark state={p.state} /> },
  {
    id: 'template',
    label: 'Pattern',
    min: 320,
    main: true,
    mono: true,
    render: (p) => (
      <Link to={patternTo(p.id)} style={{ color: 'inherit' }} tabIndex={-1}>
        <Template text={p.template} />
      </Link>
    ),
  },
  {
    id: 'words',
    label: 'Says',
    width: 130,
    render: (p) => (
      <span className={classes.words}>
        {p.mark && <Tag>{MARKS[p.mark.mark]}</Tag>}
        {p.words.slice(0, 2).map((w) => (
          <em key={w}>{w}</em>
        ))}
      </span>
    ),
  },
  {
    id: 'items',
    label: 'From',
    width: 150,
    render: (p) => (
      <>
        {p.items[0]?.item || <span className="muted">no item</span>}
        {p.item_count > 1 && <span className="muted"> and {p.item_count - 1} more</span>}
      </>
    ),
  },
  { id: 'hours', label: '24 hours', width: 96, render: (p) => <Sparkline values={p.hours} width={72} /> },
  {
    id: 'day',
    label: 'Day',
    width: 90,
    right: true,
    render: (p) => (
      <Link to={linesTo(p.id) as string} title="Show its lines">
        {integer(p.day)}
      </Link>
    ),
  },
  { id: 'week', label: 'Week', width: 90, right: true, render: (p) => integer(p.week) },
  { id: 'seen', label: 'Last line', width: 100, render: (p) => <Time at={p.last_seen} /> },
];

const card = (p: Pattern) => (
  <>
    <Template text={p.template} />
    <StateMark state={p.state} />
    <span className="muted">{p.items[0]?.item || 'no item'}</span>
    <span className="muted num">{integer(p.week)} in a week</span>
  </>
);
const idOf = (p: Pattern) => p.id;

function Page() {
  const [s, set] = useUrlState<Search>();
  return (
    <>
      <PageHead title="Log patterns" />
      <Tabs
        label="Log patterns"
        tabs={[
          { value: 'patterns', label: 'Patterns' },
          { value: 'signals', label: 'Signals' },
          { value: 'alerts', label: 'Alerts' },
        ]}
        value={s.tab ?? 'patterns'}
        onChange={(tab) => set({ tab: tab === 'patterns' ? undefined : (tab as Search['tab']) })}
      />
      {s.tab === 'signals' ? <Signals /> : s.tab === 'alerts' ? <Policies /> : <Patterns />}
    </>
  );
}

function Patterns() {
  const [s, set] = useUrlState<Search>();
  const navigate = useNavigate();
  const filters: Filters = { q: s.q, state: s.state, mark: s.mark, item: s.item, words: s.words, sort: s.sort };
  const query = useQuery(patternsQuery(filters));
  useLiveQuery('patterns', ['patterns']);
  const rows = useClientRows(query.data?.items ?? [], idOf);
  const filtered = !!(s.q || s.state || s.mark || s.item || s.words);
  const counts = query.data?.states ?? {};
  return (
    <>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Words of the pattern"
          label="Find patterns"
        />
        <Facet
          label="State"
          choices={Object.entries(STATES).map(([value, x]) => ({
            value,
            label: counts[value] ? `${x.label} (${integer(counts[value])})` : x.label,
          }))}
          value={s.state ? [s.state] : []}
          onChange={(v) => set({ state: v.at(-1) as Filters['state'] })}
        />
        <Facet
          label="Mark"
          choices={[
            ...Object.entries(MARKS).map(([value, label]) => ({ value, label })),
            { value: 'none', label: 'Not marked' },
          ]}
          value={s.mark ? [s.mark] : []}
          onChange={(v) => set({ mark: v.at(-1) as Filters['mark'] })}
        />
        <Switch
          label="Only with words of trouble"
          checked={!!s.words}
          onChange={(e) => set({ words: e.currentTarget.checked || undefined })}
        />
        <ClearFilters
          on={filtered}
          onClear={() => set({ q: undefined, state: undefined, mark: undefined, item: undefined, words: undefined })}
        />
        <Spacer />
        {query.data && (
          <span className="muted num">
            {integer(query.data.total)} {query.data.total === 1 ? 'pattern' : 'patterns'}
            {query.data.items.length < query.data.total && `, the first ${integer(query.data.items.length)} are listed`}
          </span>
        )}
        <Select
          aria-label="Order"
          data={SORTS}
          value={s.sort ?? ''}
          allowDeselect={false}
          w={176}
          onChange={(v) => set({ sort: (v || undefined) as Filters['sort'] })}
        />
      </Toolbar>
      {query.isError ? (
        <ErrorState what="The patterns" error={query.error} retry={() => void query.refetch()} />
      ) : query.isLoading ? (
        <Skeleton rows={12} height={28} />
      ) : (
        <DataGrid
          label="Log patterns"
          columns={COLUMNS}
          rows={rows}
          card={card}
          onOpen={(p) => void navigate({ to: patternTo(p.id) as string })}
          faded={(p) => p.mark?.mark === 'muted'}
          empty={
            filtered ? (
              <EmptyState icon={IconFingerprint} title="No pattern fits" hint="Change the filters or the text." />
            ) : (
              <EmptyState
                icon={IconFingerprint}
                title="No pattern yet"
                hint="Log lines that differ only in their values share a pattern. They are counted as lines come in, and are here a minute later."
              />
            )
          }
        />
      )}
    </>
  );
}
