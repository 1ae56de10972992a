import { Button } from '@mantine/core';
import { IconLink } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { useClientRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { HINTS } from './model';
import { type Binding, bindingsQuery, unbind } from './queries';

const idOf = (b: Binding) => b.id;
const NONE: Binding[] = [];
const itemURL = (name: string) => `/estate/items/${encodeURIComponent(name)}` as string;

const card = (r: Binding) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.value}</span>
    <Time at={r.created_at} />
    <span className="muted">{HINTS[r.hint]}</span>
    <span>{r.item}</span>
  </>
);

export function BindingsTab() {
  const query = useQuery(bindingsQuery);
  const client = useQueryClient();
  const may = useCan()('source.write');
  const [asking, setAsking] = useState<Binding>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const columns = useMemo<Column<Binding>[]>(
    () => [
      { id: 'value', label: 'Named in signals', min: 180, main: true, render: (r) => r.value },
      { id: 'hint', label: 'As', width: 110, render: (r) => HINTS[r.hint] },
      {
        id: 'item',
        label: 'Item',
        min: 180,
        render: (r) => (
          <Link to={itemURL(r.item)} tabIndex={-1}>
            {r.item}
          </Link>
        ),
      },
      { id: 'by', label: 'Bound by', min: 140, render: (r) => r.created_by },
      { id: 'at', label: 'Since', width: 110, right: true, render: (r) => <Time at={r.created_at} /> },
      {
        id: 'do',
        label: 'Actions',
        width: 90,
        right: true,
        render: (r) =>
          may && (
            <Button size="compact-xs" variant="default" onClick={() => setAsking(r)}>
              Unbind
            </Button>
          ),
      },
    ],
    [may],
  );
  return (
    <>
      <Loaded query={query} what="The bindings">
        {() => (
          <DataGrid
            label="Bindings"
            columns={columns}
            rows={rows}
            card={card}
            empty={
              <EmptyState
                icon={IconLink}
                title="No binding"
                hint="Most signals find their item by its name. Where they do not, accept the unknown source and its binding stands here."
              />
            }
          />
        )}
      </Loaded>
      <ConfirmDialog
        opened={!!asking}
        onClose={() => setAsking(undefined)}
        title={`Unbind ${asking?.value ?? ''}?`}
        action="Unbind"
        run={async () => {
          await unbind(asking?.id ?? '');
          await client.invalidateQueries({ queryKey: ['ingest'] });
          done('The binding is gone.');
        }}
      >
        New signals do not belong to {asking?.item} any more, unless its own name leads there. What was stored stays.
      </ConfirmDialog>
    </>
  );
}
