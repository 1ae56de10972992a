import { IconFingerprint } from '@tabler/icons-react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet } from '@/ui/Filters';
import { Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { KINDS, patternTo } from './model';
import { StateMark, Template } from './parts';
import { listSignals, type Signal } from './queries';

type Kind = 'new' | 'exploding' | 'vanished';

const COLUMNS: Column<Signal>[] = [
  { id: 'kind', label: 'Signal', width: 120, render: (s) => <StateMark state={s.kind} /> },
  {
    id: 'template',
    label: 'Pattern',
    min: 260,
    main: true,
    mono: true,
    render: (s) => (
      <Link to={patternTo(s.pattern) as string} style={{ color: 'inherit' }} tabIndex={-1}>
        <Template text={s.template} />
      </Link>
    ),
  },
  { id: 'why', label: 'Why', min: 220, render: (s) => <span title={s.why}>{s.why}</span> },
  {
    id: 'item',
    label: 'Item',
    width: 130,
    render: (s) =>
      s.item ? (
        <Link to={`/estate/items/${encodeURIComponent(s.item)}` as string}>{s.item}</Link>
      ) : (
        <span className="muted">no item</span>
      ),
  },
  { id: 'policy', label: 'Alert by', width: 120, render: (s) => s.policy ?? <span className="muted">–</span> },
  { id: 'began', label: 'Began', width: 100, render: (s) => <Time at={s.started_at} /> },
  {
    id: 'ended',
    label: 'Ended',
    width: 100,
    render: (s) =>
      s.ended_at ? (
        <span title={s.reason}>
          <Time at={s.ended_at} />
        </span>
      ) : (
        'goes on'
      ),
  },
];

const card = (s: Signal) => (
  <>
    <Template text={s.template} />
    <StateMark state={s.kind} />
    <span className="muted">{s.item || 'no item'}</span>
    <span className="muted">
      <Time at={s.started_at} />
    </span>
  </>
);
const idOf = (s: Signal) => s.id;

/** When patterns were new, came far too often, or had vanished. */
export function Signals() {
  const [s, set] = useUrlState<{ kind?: Kind }>();
  const navigate = useNavigate();
  const rows = useRows<Signal>({
    queryKey: ['pattern-signals', s.kind],
    fetchPage: ({ cursor, limit }, signal) => listSignals({ kind: s.kind }, cursor, limit, signal),
    idOf,
    topic: 'patterns',
  });
  return (
    <>
      <Toolbar>
        <Facet
          label="Signal"
          choices={KINDS}
          value={s.kind ? [s.kind] : []}
          onChange={(v) => set({ kind: v.at(-1) as Kind })}
        />
        <ClearFilters on={!!s.kind} onClear={() => set({ kind: undefined })} />
        <Spacer />
        <RowCount rows={rows} one="signal" many="signals" />
      </Toolbar>
      <DataGrid
        label="Signals of log patterns"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(x) => void navigate({ to: patternTo(x.pattern) as string })}
        faded={(x) => !!x.ended_at}
        empty={
          <EmptyState
            icon={IconFingerprint}
            title="No signal"
            hint="A pattern that was never seen before, that comes far too often, or that has vanished is told here. An item is listened to for an hour first, and what is usual is known after three."
          />
        }
      />
    </>
  );
}
