import { Button } from '@mantine/core';
import { IconEqual, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { show } from './attributes';
import { baselinesQuery, type Difference, dropBaseline, listDifferences, scope } from './kept-queries';
import { fieldTitle } from './past';
import { ItemLink } from './side';

export const Route = createLazyRoute('/estate/baselines/$name')({ component: Page });

/** One row for each field that differs, so that a long list stays a list. */
interface Line {
  id: string;
  item: string;
  change: Difference['change'];
  field: string;
  before: unknown;
  after: unknown;
}

/** Differences as lines: an item that is new or gone has one. */
export function linesOf(list: readonly Difference[]): Line[] {
  return list.flatMap((d) =>
    d.change === 'changed'
      ? d.fields.map((f) => ({ id: `${d.name}\n${f.field}`, item: d.name, change: d.change, ...f }))
      : [{ id: d.name, item: d.name, change: d.change, field: '', before: undefined, after: undefined }],
  ) as Line[];
}

const WORDS = { new: 'New', changed: 'Changed', removed: 'Gone' } as const;
const TONES = { new: 'ok', changed: 'warn', removed: 'down' } as const;
const value = (l: Line, v: unknown) => {
  const text = l.field ? show(l.field, v) : undefined;
  return text === undefined || text === null || text === '' ? <span className="muted">–</span> : text;
};
const COLUMNS: Column<Line>[] = [
  { id: 'change', label: 'Change', width: 100, render: (l) => <Pill tone={TONES[l.change]}>{WORDS[l.change]}</Pill> },
  {
    id: 'item',
    label: 'Item',
    min: 170,
    main: true,
    render: (l) => (l.change === 'removed' ? l.item : <ItemLink name={l.item} />),
  },
  { id: 'field', label: 'Field', min: 140, render: (l) => (l.field ? fieldTitle(l.field) : '') },
  { id: 'before', label: 'Then', min: 180, render: (l) => value(l, l.before) },
  { id: 'after', label: 'Now', min: 180, render: (l) => value(l, l.after) },
];
const card = (l: Line) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{l.item}</span>
    <Pill tone={TONES[l.change]}>{WORDS[l.change]}</Pill>
    <span className="muted">{l.field ? `${fieldTitle(l.field)}: ` : ''}</span>
    <span>{l.field ? value(l, l.after) : ''}</span>
  </>
);
const idOf = (l: Line) => l.id;

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const may = useCan()('item.write');
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const base = useQuery(baselinesQuery).data?.items?.find((b) => b.name === name);
  const rows = useRows<Line>({
    queryKey: ['item-baseline', name],
    fetchPage: async ({ cursor, limit }, signal) => {
      const page = await listDifferences(name, cursor, limit, signal);
      return { items: linesOf(page.items), next: page.next };
    },
    idOf,
  });
  return (
    <>
      <PageHead title={name} parent={{ label: 'Baselines', to: '/estate/baselines' }}>
        <RowCount rows={rows} one="difference" many="differences" />
        {base && (
          <span className="muted">
            {scope(base.filter)}, as of <Time at={base.at} mode="absolute" />
          </span>
        )}
        <Spacer />
        {may && (
          <Button variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => setAsking(true)}>
            Delete
          </Button>
        )}
      </PageHead>
      <DataGrid
        label="Differences"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(l) =>
          l.change !== 'removed' && void navigate({ to: `/estate/items/${encodeURIComponent(l.item)}` as string })
        }
        empty={<EmptyState icon={IconEqual} title="Nothing has changed" hint="All items are as they were then." />}
      />
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete the baseline ${name}?`}
        action="Delete"
        run={async () => {
          await dropBaseline(name);
          await client.invalidateQueries({ queryKey: ['item-baselines'] });
          done(`The baseline ${name} was deleted.`);
          await navigate({ to: '/estate/baselines' as string });
        }}
      >
        The items and their history stay. Only this moment is forgotten.
      </ConfirmDialog>
    </>
  );
}
