import { Button } from '@mantine/core';
import { IconBellRinging, IconFileImport, IconPlus } from '@tabler/icons-react';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { milliseconds } from '@/lib/format';
import { Can } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { SevMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { ruleTo, stateWord } from './model';
import { type Filters, listRules, type Rule } from './queries';

export const Route = createLazyRoute('/detect/rules')({ component: List });

const STATES = ['firing', 'pending', 'inactive', 'disabled'].map((value) => ({ value, label: stateWord(value) }));
const SEVERITIES = ['critical', 'warning', 'info'].map((value) => ({
  value,
  label: value.charAt(0).toUpperCase() + value.slice(1),
}));

const firing = (r: Rule) => {
  const parts = [r.firing && `${r.firing} firing`, r.pending && `${r.pending} pending`].filter(Boolean);
  return parts.length ? parts.join(', ') : <span className="muted">–</span>;
};

const COLUMNS: Column<Rule>[] = [
  { id: 'state', label: 'State', width: 110, render: (r) => <StatusMark state={r.state} /> },
  {
    id: 'name',
    label: 'Rule',
    min: 190,
    main: true,
    render: (r) => (
      <Link to={ruleTo(r.name)} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  {
    id: 'severity',
    label: 'Severity',
    width: 110,
    render: (r) => (r.record ? <span className="muted">Records</span> : <SevMark severity={r.severity ?? 'warning'} />),
  },
  {
    id: 'expr',
    label: 'Question',
    min: 260,
    mono: true,
    render: (r) => (
      <span className={r.error ? undefined : 'muted'} title={r.error ?? r.expr ?? r.logs}>
        {r.error ?? r.expr ?? r.logs}
      </span>
    ),
  },
  { id: 'firing', label: 'Instances', width: 150, render: firing },
  { id: 'took', label: 'Took', width: 80, right: true, render: (r) => (r.asked_at ? milliseconds(r.took_ms) : '–') },
  { id: 'asked', label: 'Asked', width: 100, render: (r) => (r.asked_at ? <Time at={r.asked_at} /> : '–') },
];

const card = (r: Rule) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <StatusMark state={r.state} />
    <span className="muted">{r.severity ?? 'warning'}</span>
    <span className="muted num">{firing(r)}</span>
  </>
);

const idOf = (r: Rule) => r.name;

function List() {
  const [s, set] = useUrlState<Filters>();
  const navigate = useNavigate();
  const rows = useRows<Rule>({
    queryKey: ['rules', s.q, s.state, s.severity],
    fetchPage: ({ cursor, limit }, signal) =>
      listRules({ q: s.q || undefined, state: s.state, severity: s.severity }, cursor, limit, signal),
    idOf,
    topic: 'rules',
  });
  const filtered = !!(s.q || s.state || s.severity);
  const add = (
    <Can permission="rule.write">
      <Button component={Link} to="/detect/rules/new" leftSection={<IconPlus size={14} />}>
        Add a rule
      </Button>
    </Can>
  );
  const one = (v: string[]) => v.at(-1);
  return (
    <>
      <PageHead title="Rules">
        <RowCount rows={rows} one="rule" many="rules" />
        <Spacer />
        <Can permission="rule.write">
          <Button
            variant="default"
            component={Link}
            to="/detect/rules/import"
            leftSection={<IconFileImport size={14} />}
          >
            Import
          </Button>
        </Can>
        {add}
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q })}
          placeholder="Name, description or question"
          label="Find rules"
        />
        <Facet
          label="State"
          choices={STATES}
          value={s.state ? [s.state] : []}
          onChange={(v) => set({ state: one(v) as Filters['state'] })}
        />
        <Facet
          label="Severity"
          choices={SEVERITIES}
          value={s.severity ? [s.severity] : []}
          onChange={(v) => set({ severity: one(v) as Filters['severity'] })}
        />
        <ClearFilters on={filtered} onClear={() => set({ q: '', state: undefined, severity: undefined })} />
      </Toolbar>
      <DataGrid
        label="Rules"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => void navigate({ to: ruleTo(r.name) })}
        faded={(r) => r.state === 'disabled'}
        empty={
          filtered ? (
            <EmptyState icon={IconBellRinging} title="No rule fits" hint="Change the filters or the text." />
          ) : (
            <EmptyState
              icon={IconBellRinging}
              title="No rule yet"
              hint="A rule asks the stored metrics or logs again and again, and raises an alert while the answer is not empty. Rule files of Prometheus are taken as they are."
            >
              {add}
            </EmptyState>
          )
        }
      />
    </>
  );
}
