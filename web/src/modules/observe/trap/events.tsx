import { Drawer } from '@mantine/core';
import { IconBellRinging } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { Loaded } from '@/ui/Loading';
import { Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { TrapDetail } from './detail';
import { itemURL, type Receiver, STATES, type Trap, titleOf, valuesText } from './model';
import type { Search } from './page';
import { listTraps, trapQuery } from './queries';

const Device = ({ trap: t }: { trap: Trap }) =>
  t.item ? (
    <Link to={itemURL(t.item)} tabIndex={-1} title={t.edge ? `${t.address}, through the edge ${t.edge}` : t.address}>
      {t.item}
    </Link>
  ) : (
    <span>
      <span className="mono">{t.address}</span> {t.edge && <span className="muted">at {t.edge}</span>}
    </span>
  );

const COLUMNS: Column<Trap>[] = [
  { id: 'at', label: 'Time', width: 110, render: (r) => <Time at={r.last_at} /> },
  {
    id: 'state',
    label: 'State',
    width: 96,
    render: (r) => (r.state ? <StatusMark state={r.state} /> : <span className="muted">–</span>),
  },
  {
    id: 'trap',
    label: 'Trap',
    width: 220,
    main: true,
    render: (r) => <span className={r.name || r.kind === 'storm' ? undefined : 'mono'}>{titleOf(r)}</span>,
  },
  { id: 'device', label: 'From', width: 190, render: (r) => <Device trap={r} /> },
  { id: 'values', label: 'Values', min: 300, render: (r) => <span title={valuesText(r)}>{valuesText(r)}</span> },
  { id: 'count', label: 'Times', width: 70, right: true, render: (r) => integer(r.count) },
];
const card = (r: Trap) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{titleOf(r)}</span>
    {r.state ? <StatusMark state={r.state} /> : <Pill tone="plain">no state</Pill>}
    <span className="muted">{r.item || r.address}</span>
    <Time at={r.last_at} mode="age" />
  </>
);
const idOf = (r: Trap) => r.id;

export function Events({
  search: s,
  onSearch,
  receiver,
}: {
  search: Search;
  onSearch: (s: Partial<Search>) => void;
  receiver: Receiver | undefined;
}) {
  const narrow = { q: s.q, item: s.item, address: s.address, trap: s.trap, state: s.state, known: s.known };
  const rows = useRows<Trap>({
    queryKey: ['traps', narrow],
    fetchPage: ({ cursor, limit }, signal) => listTraps(narrow, cursor, limit, signal),
    idOf,
    topic: 'traps',
  });
  const filtered = Object.values(narrow).some((v) => v?.length);
  const off = receiver && !receiver.listening;
  return (
    <>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => onSearch({ q: q || undefined })}
          placeholder="Name, address or value"
          label="Find traps"
        />
        <Facet
          label="State"
          choices={STATES}
          value={s.state ?? []}
          onChange={(v) => onSearch({ state: v.length ? v : undefined })}
        />
        <Facet
          label="Sender"
          choices={[
            { value: 'yes', label: 'Is an item' },
            { value: 'no', label: 'Is none' },
          ]}
          value={s.known ? [s.known] : []}
          onChange={(v) => onSearch({ known: v.at(-1) as Search['known'] })}
        />
        {s.item && <Pill tone="plain">item {s.item}</Pill>}
        {s.address && <Pill tone="plain">address {s.address}</Pill>}
        {s.trap && <Pill tone="plain">trap {s.trap}</Pill>}
        <ClearFilters
          on={filtered}
          onClear={() =>
            onSearch({
              q: undefined,
              item: undefined,
              address: undefined,
              trap: undefined,
              state: undefined,
              known: undefined,
            })
          }
        />
      </Toolbar>
      <DataGrid
        label="Traps"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(r) => onSearch({ open: r.id })}
        empty={
          filtered ? (
            <EmptyState icon={IconBellRinging} title="Nothing fits these filters" hint="Change or clear them." />
          ) : off ? (
            <EmptyState
              icon={IconBellRinging}
              title="Traps are not received"
              hint={
                <>
                  Set <code>listen.trap</code> in the configuration, to <code>0.0.0.0:162</code> for example, and start
                  Mainstay again.
                </>
              }
            />
          ) : (
            <EmptyState
              icon={IconBellRinging}
              title="No trap has come"
              hint="Say under Who may send which communities and users are accepted, and let your devices send to this server. What is refused is listed under Senders."
            />
          )
        }
      />
      <One id={s.open} onClose={() => onSearch({ open: undefined })} />
    </>
  );
}

function One({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const query = useQuery({ ...trapQuery(id ?? ''), enabled: !!id });
  return (
    <Drawer
      opened={!!id}
      onClose={onClose}
      position="right"
      title={query.data ? titleOf(query.data) : 'Trap'}
      size={520}
    >
      {id && (
        <Loaded query={query} what="The trap">
          {(t) => <TrapDetail trap={t} />}
        </Loaded>
      )}
    </Drawer>
  );
}
