import { Button } from '@mantine/core';
import { IconListCheck } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';
import { useLive } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount, SelectionBar } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Tag } from '@/ui/StatusMark';
import { done, failed } from '@/ui/toast';
import { hours, type Suggestion } from './model';

export const Route = createLazyRoute('/estate/suggestions')({ component: Page });

const COLUMNS: Column<Suggestion>[] = [
  { id: 'name', label: 'Check', min: 220, main: true, render: (r) => r.name },
  {
    id: 'item',
    label: 'Item',
    min: 160,
    render: (r) => (
      <Link to={`/estate/items/${encodeURIComponent(r.item)}` as string} tabIndex={-1}>
        {r.item}
      </Link>
    ),
  },
  { id: 'type', label: 'Type', width: 90, render: (r) => <Tag>{r.type}</Tag> },
  { id: 'every', label: 'Every', width: 100, render: (r) => hours(r.every) },
  { id: 'from', label: 'From', width: 130, render: (r) => r.from ?? <span className="muted">server</span> },
  { id: 'reason', label: 'Why', min: 220, render: (r) => <span title={r.reason}>{r.reason}</span> },
];
const card = (r: Suggestion) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <Tag>{r.type}</Tag>
    <span className="muted">{r.reason}</span>
    <span />
  </>
);
const idOf = (r: Suggestion) => r.id;

function Page() {
  const [s, set] = useUrlState<{ item?: string }>();
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const may = useCan()('check.write');
  const rows = useRows<Suggestion>({
    queryKey: ['suggestions', 'list', s],
    fetchPage: ({ cursor, limit }, signal) =>
      call(
        http.GET('/api/v1/discovery/suggestions', {
          params: { query: { state: 'open', item: s.item, cursor, limit } },
          signal,
        }),
      ),
    idOf,
  });
  useLive('host', (n) => {
    if (n.kind === 'suggestions' && n.id === '') rows.reload();
  });
  const decide = async (accept: boolean) => {
    setBusy(true);
    const ids = [...chosen];
    try {
      for (let i = 0; i < ids.length; i += 500) {
        const body = { ids: ids.slice(i, i + 500) };
        await call(
          accept ? http.POST('/api/v1/discovery/accept', { body }) : http.POST('/api/v1/discovery/dismiss', { body }),
        );
      }
      done(accept ? 'The checks are made.' : 'They are not suggested again.');
      setChosen(new Set());
      await client.invalidateQueries({ queryKey: ['suggestions'] });
      rows.reload();
    } catch (e) {
      failed(accept ? 'Making the checks' : 'Dismissing', e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <PageHead title="Suggested checks">
        <RowCount rows={rows} one="suggestion" many="suggestions" />
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.item ?? ''}
          onChange={(v) => set({ item: v.trim() || undefined })}
          placeholder="Name of an item"
          label="Item"
        />
        <ClearFilters on={!!s.item} onClear={() => set({ item: undefined })} />
      </Toolbar>
      <DataGrid
        label="Suggested checks"
        columns={COLUMNS}
        rows={rows}
        card={card}
        selected={may ? chosen : undefined}
        onSelect={setChosen}
        empty={
          <EmptyState
            icon={IconListCheck}
            title={s.item ? 'Nothing is suggested for this item' : 'Nothing is suggested'}
            hint="Discovery suggests checks for what it finds. Those that were accepted or dismissed do not come back."
          />
        }
      />
      <SelectionBar count={chosen.size} onClear={() => setChosen(new Set())}>
        <Button loading={busy} onClick={() => void decide(true)}>
          Make the checks
        </Button>
        <Button variant="default" disabled={busy} onClick={() => void decide(false)}>
          Dismiss
        </Button>
      </SelectionBar>
    </>
  );
}
