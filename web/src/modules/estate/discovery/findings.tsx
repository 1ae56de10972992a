import { Button } from '@mantine/core';
import { IconRadar2 } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';
import { useLive } from '@/lib/stream';
import { type Column, DataGrid, SelectionBar } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { Toolbar } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { type Finding, factLabel, OUTCOMES, outcomeTone, type Run } from './model';
import { type FindingFilter, listDrift, listFindings } from './queries';

const itemURL = (n: string) => `/estate/items/${encodeURIComponent(n)}` as string;

function What({ finding: f }: { finding: Finding }) {
  if (f.problems?.length) {
    return (
      <span title={f.problems.join('\n')} style={{ color: 'var(--st-warn)' }}>
        {f.problems[0]}
      </span>
    );
  }
  if (f.changes?.length) {
    const text = f.changes.map((c) => `${factLabel(c.field)}: ${c.from || 'nothing'} → ${c.to || 'nothing'}`);
    return <span title={text.join('\n')}>{text.join('; ')}</span>;
  }
  return <span title={f.about}>{f.about || <span className="muted">it answers</span>}</span>;
}

const BASE: Column<Finding>[] = [
  {
    id: 'outcome',
    label: 'Finding',
    width: 104,
    render: (r) => <Pill tone={outcomeTone(r.outcome)}>{r.outcome}</Pill>,
  },
  { id: 'address', label: 'Address', width: 150, mono: true, render: (r) => <span>{r.address}</span> },
  {
    id: 'name',
    label: 'Name',
    min: 160,
    main: true,
    render: (r) => (r.name === r.address ? <span className="muted">no name</span> : r.name),
  },
  { id: 'what', label: 'What it is, or what changed', min: 280, render: (r) => <What finding={r} /> },
  {
    id: 'item',
    label: 'Item',
    min: 140,
    render: (r) =>
      r.item ? (
        <Link to={itemURL(r.item)} tabIndex={-1}>
          {r.item}
        </Link>
      ) : (
        <span className="muted">none yet</span>
      ),
  },
];
const DRIFT: Column<Finding>[] = [
  ...BASE,
  { id: 'at', label: 'Found', width: 110, right: true, render: (r) => <Time at={r.found_at} /> },
];
const card = (r: Finding) => (
  <>
    <span className="mono" style={{ color: 'var(--tx-0)' }}>
      {r.name}
    </span>
    <Pill tone={outcomeTone(r.outcome)}>{r.outcome}</Pill>
    <What finding={r} />
    <span className="muted">{r.name === r.address ? '' : r.address}</span>
  </>
);
const idOf = (r: Finding) => r.id;

/** What a run found, or with `drift` what was not as before in all runs of a job. */
export function Findings({
  run,
  drift,
  filter: f,
  onFilter,
  onOpen,
}: {
  run?: Run;
  drift?: string;
  filter: FindingFilter;
  onFilter: (f: Partial<FindingFilter>) => void;
  onOpen: (f: Finding) => void;
}) {
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const can = useCan();
  const may = can('discovery.write') && can('item.write') && !drift;
  const id = run?.id ?? '';
  const narrow = { q: f.q, outcome: f.outcome, item: f.item };
  const rows = useRows<Finding>({
    queryKey: ['discovery-findings', drift ?? id, narrow],
    fetchPage: ({ cursor, limit }, signal) => {
      if (drift) return listDrift(drift, narrow, cursor, limit, signal);
      return id ? listFindings(id, narrow, cursor, limit, signal) : Promise.resolve({ items: [] });
    },
    idOf,
  });
  // The first findings come by themselves; later ones are offered by the end of the run.
  useLive('discovery', (n) => {
    if (n.kind === 'findings' && n.id === id && rows.count < 50) rows.reload();
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end of the run changes the list
  useEffect(() => rows.reload(), [run?.state]);
  const accept = async () => {
    setBusy(true);
    try {
      const addresses: string[] = [];
      for (let i = 0; i < rows.count; i++) {
        const r = rows.get(i);
        if (r && chosen.has(r.id) && r.outcome !== 'vanished') addresses.push(r.address);
      }
      for (let i = 0; i < addresses.length; i += 500) {
        const body = { addresses: addresses.slice(i, i + 500) };
        await call(http.POST('/api/v1/discovery-runs/{id}/accept', { params: { path: { id } }, body }));
      }
      done('They are on the map. Checks for them are under Suggested checks.');
      setChosen(new Set());
      rows.reload();
    } catch (e) {
      failed('Accepting', e);
    } finally {
      setBusy(false);
    }
  };
  const filtered = !!(f.q || f.outcome?.length || f.item);
  const choices = drift ? OUTCOMES.filter((o) => o.value !== 'unchanged') : OUTCOMES;
  return (
    <>
      <Toolbar>
        <SearchBox
          value={f.q ?? ''}
          onChange={(q) => onFilter({ q: q || undefined })}
          placeholder="Address, name or model"
          label="Find findings"
        />
        <Facet
          label="Finding"
          choices={choices}
          value={f.outcome ?? []}
          onChange={(v) => onFilter({ outcome: v.length ? v : undefined })}
        />
        <Facet
          label="Item"
          choices={[
            { value: 'yes', label: 'Is an item' },
            { value: 'no', label: 'Is none yet' },
          ]}
          value={f.item ? [f.item] : []}
          onChange={(v) => onFilter({ item: v.at(-1) as FindingFilter['item'] })}
        />
        <ClearFilters on={filtered} onClear={() => onFilter({ q: undefined, outcome: undefined, item: undefined })} />
      </Toolbar>
      <DataGrid
        label="Findings"
        columns={drift ? DRIFT : BASE}
        rows={rows}
        card={card}
        selected={may ? chosen : undefined}
        onSelect={setChosen}
        onOpen={onOpen}
        empty={
          filtered ? (
            <EmptyState icon={IconRadar2} title="Nothing fits these filters" hint="Change or clear them." />
          ) : drift ? (
            <EmptyState
              icon={IconRadar2}
              title="Nothing has changed"
              hint="What is new, changed or vanished in a run is listed here."
            />
          ) : (
            <EmptyState
              icon={IconRadar2}
              title={run?.state === 'done' ? 'Nothing answered' : 'Nothing has answered yet'}
              hint={
                run?.state === 'done'
                  ? 'Check the targets, or let the job also try addresses that do not answer a ping. The log says what was tried.'
                  : 'Findings appear while the run goes on.'
              }
            />
          )
        }
      />
      <SelectionBar count={chosen.size} onClear={() => setChosen(new Set())}>
        <Button loading={busy} onClick={() => void accept()}>
          Put on the map
        </Button>
      </SelectionBar>
    </>
  );
}

/** Everything known of one finding. */
export function FindingDetail({ finding: f }: { finding: Finding }) {
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 16 }}>
      <div style={{ display: 'flex', gap: 8, alignItems: 'center' }}>
        <Pill tone={outcomeTone(f.outcome)}>{f.outcome}</Pill>
        {f.item && <Link to={itemURL(f.item)}>{f.item}</Link>}
        {f.item && (
          <Link to={`/estate/suggestions?item=${encodeURIComponent(f.item)}` as string}>Suggested checks</Link>
        )}
      </div>
      {f.problems?.map((p) => (
        <div key={p} style={{ color: 'var(--st-warn)' }}>
          {p}
        </div>
      ))}
      {!!f.changes?.length && (
        <section aria-label="Changes">
          <h3 style={{ fontSize: 13, margin: '0 0 6px' }}>Changed since the run before</h3>
          <KeyValue
            rows={f.changes.map((c) => [factLabel(c.field), `${c.from || 'nothing'} → ${c.to || 'nothing'}`])}
          />
        </section>
      )}
      <section aria-label="What is known">
        <h3 style={{ fontSize: 13, margin: '0 0 6px' }}>What is known</h3>
        <KeyValue
          rows={[
            ['Seen by', f.seen_by],
            ['Round trip', f.rtt_ms ? `${f.rtt_ms} ms` : undefined],
            ['Answered last', f.last_seen && <Time key="l" at={f.last_seen} mode="absolute" />],
            ...Object.entries(f.facts ?? {})
              .sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }))
              .map(([k, v]) => [factLabel(k), v] as const),
          ]}
        />
      </section>
    </div>
  );
}
