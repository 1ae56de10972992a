import { Button } from '@mantine/core';
import { IconPlus, IconTargetArrow } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { number } from '@/lib/format';
import { Can } from '@/lib/permissions';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { brief, sloTo } from './model';
import { listObjectives, type Objective } from './queries';
import { BudgetMark, ObjectiveDialog } from './slo-parts';

export const Route = createLazyRoute('/detect/slos')({ component: Page });

const good = (o: Objective) => (o.good_percent === undefined ? '–' : `${number(o.good_percent)} %`);
const COLUMNS: Column<Objective>[] = [
  {
    id: 'name',
    label: 'Objective',
    min: 200,
    main: true,
    render: (r) => (
      <Link to={sloTo(r.name ?? '')} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'objective', label: 'Goal', width: 90, right: true, render: (r) => `${r.objective} %` },
  { id: 'period', label: 'Period', width: 80, right: true, render: (r) => days(r.period) },
  { id: 'good', label: 'Good', width: 100, right: true, render: good },
  { id: 'left', label: 'Budget left', width: 170, render: (r) => <BudgetMark left={r.budget_left} /> },
  {
    id: 'burn',
    label: 'Burn rate',
    width: 100,
    right: true,
    render: (r) => (r.burn_rate === undefined ? '–' : `${number(r.burn_rate)} ×`),
  },
  {
    id: 'firing',
    label: 'Alerts',
    width: 110,
    render: (r) => (r.firing ? <Pill tone="down">{`${r.firing} firing`}</Pill> : <span className="muted">–</span>),
  },
  { id: 'item', label: 'Item', min: 120, render: (r) => r.item || <span className="muted">–</span> },
];

/** "720h0m0s" is "30d". */
export function days(period?: string): string {
  const h = /^(\d+)h/.exec(brief(period) || '720h');
  return h ? `${Number(h[1]) / 24} d` : (period ?? '');
}

const card = (r: Objective) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <BudgetMark left={r.budget_left} />
    <span className="muted">
      {r.objective} % over {days(r.period)}
    </span>
    <span className="muted num">{good(r)}</span>
  </>
);
const idOf = (r: Objective) => r.name ?? '';

function Page() {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const rows = useRows<Objective>({
    queryKey: ['slos'],
    fetchPage: ({ cursor, limit }, signal) => listObjectives(cursor, Math.min(limit, 100), signal),
    idOf,
  });
  const add = (
    <Can permission="rule.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => setAdding(true)}>
        Add an objective
      </Button>
    </Can>
  );
  return (
    <>
      <PageHead title="Objectives">
        <RowCount rows={rows} one="objective" many="objectives" />
        <Spacer />
        {add}
      </PageHead>
      <DataGrid
        label="Objectives"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => void navigate({ to: sloTo(r.name ?? '') })}
        empty={
          <EmptyState
            icon={IconTargetArrow}
            title="No objective yet"
            hint="Say which share of requests must be good over a month. Mainstay tells people when the error budget burns too fast, and shows what is left of it."
          >
            {add}
          </EmptyState>
        }
      />
      <ObjectiveDialog
        opened={adding}
        onClose={() => setAdding(false)}
        onDone={() => void client.invalidateQueries({ queryKey: ['slos'] })}
      />
    </>
  );
}
