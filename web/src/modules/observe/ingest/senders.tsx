import { Button, Modal } from '@mantine/core';
import { IconPlugConnected, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { bytes, integer, number } from '@/lib/format';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { Loaded } from '@/ui/Loading';
import { Spacer, Toolbar } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { useClientRows } from '@/ui/rows';
import { Sparkline } from '@/ui/StateStrip';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import classes from './ingest.module.css';
import { kindsOf, rateNow } from './model';
import { overviewQuery, type Source, sourcesQuery } from './queries';

const idOf = (s: Source) => `${s.protocol} ${s.sender}`;
const NONE: Source[] = [];
const none = <span className="muted">–</span>;

function Taken({ source: s }: { source: Source }) {
  const kinds = kindsOf(s);
  if (!kinds.length) return none;
  return <span>{kinds.map((k) => `${integer(k.count)} ${k.label}`).join(', ')}</span>;
}

function Dropped({ source: s }: { source: Source }) {
  if (!s.dropped) return none;
  return (
    <span className={classes.dropped} title={s.why}>
      <Pill tone="warn">{integer(s.dropped)}</Pill>
      <span className={classes.cut}>{s.losses[0]?.reason}</span>
    </span>
  );
}

const COLUMNS: Column<Source>[] = [
  { id: 'sender', label: 'Sender', min: 150, main: true, render: (r) => r.sender },
  { id: 'protocol', label: 'By', width: 110, render: (r) => r.protocol },
  { id: 'taken', label: 'Taken', min: 180, render: (r) => <Taken source={r} /> },
  {
    id: 'rate',
    label: 'Per second',
    width: 150,
    right: true,
    render: (r) => (
      <span className={classes.rate}>
        <Sparkline values={r.rate} />
        <span className="num">{number(rateNow(r))}</span>
      </span>
    ),
  },
  { id: 'series', label: 'Series', width: 90, right: true, render: (r) => (r.series ? integer(r.series) : none) },
  { id: 'dropped', label: 'Dropped', min: 170, render: (r) => <Dropped source={r} /> },
  { id: 'address', label: 'From', width: 130, mono: true, render: (r) => r.address || none },
  { id: 'last', label: 'Last heard', width: 110, right: true, render: (r) => <Time at={r.last_seen} /> },
];

const card = (r: Source) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.sender}</span>
    <Time at={r.last_seen} />
    <span className="muted">
      {r.protocol}, {number(rateNow(r))}/s
    </span>
    {r.dropped ? <Pill tone="warn">{integer(r.dropped)} dropped</Pill> : <Sparkline values={r.rate} />}
  </>
);

export function SendersTab({ q, onQ, onConnect }: { q: string; onQ: (q: string) => void; onConnect: () => void }) {
  const query = useQuery(sourcesQuery);
  const [shown, setShown] = useState<string>();
  const all = query.data?.items ?? NONE;
  const fit = useMemo(() => {
    const w = q.toLowerCase();
    return w ? all.filter((s) => `${s.sender} ${s.protocol} ${s.address ?? ''}`.toLowerCase().includes(w)) : all;
  }, [all, q]);
  const rows = useClientRows(fit, idOf);
  const open = all.find((s) => idOf(s) === shown);
  return (
    <>
      <Toolbar>
        <SearchBox value={q} onChange={onQ} placeholder="Sender, protocol or address" label="Find senders" />
        <ClearFilters on={!!q} onClear={() => onQ('')} />
        <Spacer />
        {query.data && <RowCount rows={rows} one="sender" many="senders" />}
      </Toolbar>
      <Loaded query={query} what="The senders">
        {() => (
          <DataGrid
            label="Senders"
            columns={COLUMNS}
            rows={rows}
            card={card}
            onOpen={(r) => setShown(idOf(r))}
            empty={
              q ? (
                <EmptyState icon={IconPlugConnected} title="No sender fits" hint="Change or clear the text." />
              ) : (
                <EmptyState
                  icon={IconPlugConnected}
                  title="Nothing has sent anything since the server started"
                  hint="Point Prometheus, OpenTelemetry, Telegraf or another sender at this server; only its address changes."
                >
                  <Button leftSection={<IconPlus size={14} />} onClick={onConnect}>
                    Connect a sender
                  </Button>
                </EmptyState>
              )
            }
          />
        )}
      </Loaded>
      <Modal opened={!!open} onClose={() => setShown(undefined)} title={open?.sender} size={560}>
        {open && <Detail source={open} />}
      </Modal>
    </>
  );
}

function Detail({ source: s }: { source: Source }) {
  const protocols = useQuery(overviewQuery).data?.protocols ?? [];
  return (
    <>
      <KeyValue
        rows={[
          ['By', protocols.find((p) => p.name === s.protocol)?.title ?? s.protocol],
          ['From', s.address || '–'],
          ['First heard', <Time key="f" at={s.first_seen} />],
          ['Last heard', <Time key="l" at={s.last_seen} />],
          ['Taken', <Taken key="t" source={s} />],
          ['Active series', s.series ? integer(s.series) : '–'],
          ['Received', s.bytes ? bytes(s.bytes) : '–'],
        ]}
      />
      <h3 className={classes.sub}>Dropped</h3>
      {s.losses.length ? (
        <>
          <KeyValue rows={s.losses.map((l) => [l.reason, integer(l.count)])} />
          {s.why && (
            <p className="muted">
              Last: {s.why} {s.why_at && <Time at={s.why_at} />}
            </p>
          )}
        </>
      ) : (
        <p className="muted">Nothing was dropped.</p>
      )}
    </>
  );
}
