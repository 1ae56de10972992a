import { Button } from '@mantine/core';
import { IconPlus, IconStairsUp } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, useNavigate } from '@tanstack/react-router';
import { useCan } from '@/lib/permissions';
import { showSpan } from '@/lib/span';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { type Escalation, targetText } from './model';
import { escalationsQuery } from './queries';

export const Route = createLazyRoute('/respond/escalations')({ component: Page });

const first = (e: Escalation) => (e.steps?.[0]?.notify ?? []).map(targetText).join(', ');
const COLUMNS: Column<Escalation>[] = [
  { id: 'name', label: 'Name', min: 160, main: true, render: (r) => r.name },
  { id: 'first', label: 'Told first', min: 220, render: (r) => <span>{first(r)}</span> },
  { id: 'steps', label: 'Steps', width: 72, right: true, render: (r) => r.steps?.length ?? 0 },
  {
    id: 'last',
    label: 'Last step after',
    width: 116,
    right: true,
    render: (r) => {
      const after = r.steps?.at(-1)?.after;
      return after === '0s' ? 'At once' : showSpan(after);
    },
  },
  { id: 'rounds', label: 'Rounds', width: 72, right: true, render: (r) => (r.repeat ?? 0) + 1 },
  {
    id: 'catch',
    label: 'Catch-all',
    width: 150,
    render: (r) => <span>{r.catch_all || <span className="muted">–</span>}</span>,
  },
];
const card = (r: Escalation) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{r.steps?.length ?? 0} steps</span>
    <span>{first(r)}</span>
    <span />
  </>
);
const idOf = (r: Escalation) => r.name;
const NONE: Escalation[] = [];

function Page() {
  const query = useQuery(escalationsQuery);
  const may = useCan()('oncall.write');
  const navigate = useNavigate();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const add = () => void navigate({ to: '/respond/escalations/new' as string });
  return (
    <>
      <PageHead title="Escalations">
        {query.data && <RowCount rows={rows} one="escalation" many="escalations" />}
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={add}>
            Add an escalation
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The escalations">
        {() => (
          <DataGrid
            label="Escalations"
            columns={COLUMNS}
            rows={rows}
            card={card}
            onOpen={(r) => void navigate({ to: `/respond/escalations/${encodeURIComponent(r.name)}` as string })}
            empty={
              <EmptyState
                icon={IconStairsUp}
                title="No escalation"
                hint="An escalation says who is told first, and who next when nobody acknowledges. Policies name one."
              />
            }
          />
        )}
      </Loaded>
    </>
  );
}
