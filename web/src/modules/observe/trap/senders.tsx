import { Autocomplete, Button, Modal } from '@mantine/core';
import { IconAntenna } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { integer } from '@/lib/format';
import { useItemNames } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Facet } from '@/ui/Filters';
import { Toolbar } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { itemURL, lostText, type Settings, type Source, trapsURL } from './model';
import { listSources } from './queries';

const COLUMNS: Column<Source>[] = [
  { id: 'address', label: 'Address', width: 170, mono: true, main: true, render: (r) => <span>{r.address}</span> },
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
        <span className="muted">none</span>
      ),
  },
  { id: 'taken', label: 'Taken', width: 80, right: true, render: (r) => integer(r.taken) },
  {
    id: 'lost',
    label: 'Not taken',
    min: 180,
    render: (r) => <span title={lostText(r)}>{lostText(r) || <span className="muted">–</span>}</span>,
  },
  {
    id: 'why',
    label: 'Last reason',
    min: 220,
    render: (r) => <span title={r.why}>{r.why || <span className="muted">–</span>}</span>,
  },
  {
    id: 'trap',
    label: 'Last trap',
    min: 130,
    render: (r) => <span title={r.last_trap}>{r.last_trap || <span className="muted">–</span>}</span>,
  },
  { id: 'last', label: 'Last seen', width: 110, right: true, render: (r) => <Time at={r.last_at} /> },
];
const card = (r: Source) => (
  <>
    <span className="mono" style={{ color: 'var(--tx-0)' }}>
      {r.address}
    </span>
    <span>{r.item || <span className="muted">no item</span>}</span>
    <span className="muted">{lostText(r) || `${integer(r.taken)} taken`}</span>
    <Time at={r.last_at} mode="age" />
  </>
);
const idOf = (r: Source) => r.address;

type Only = 'unknown' | 'refused';

export function Senders({
  only,
  onOnly,
  limits,
}: {
  only: Only | undefined;
  onOnly: (o: Only | undefined) => void;
  limits: Settings | undefined;
}) {
  const [open, setOpen] = useState<Source>();
  const rows = useRows<Source>({
    queryKey: ['trap-sources', only],
    fetchPage: ({ cursor, limit }, signal) => listSources(only, cursor, limit, signal),
    idOf,
    topic: 'traps',
  });
  return (
    <>
      <Toolbar>
        <Facet
          label="Show"
          choices={[
            { value: 'unknown', label: 'No item' },
            { value: 'refused', label: 'Something was not taken' },
          ]}
          value={only ? [only] : []}
          onChange={(v) => onOnly(v.at(-1) as Only | undefined)}
        />
        {limits && (
          <span className="muted">
            Limit of events for each sender: {integer(limits.per_second)} a second, {integer(limits.burst)} at once.
          </span>
        )}
      </Toolbar>
      <DataGrid
        label="Senders"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={setOpen}
        empty={
          only ? (
            <EmptyState icon={IconAntenna} title="No such sender" hint="Show all to see the others." />
          ) : (
            <EmptyState
              icon={IconAntenna}
              title="Nobody has sent anything"
              hint="Each address that sends to the port for traps is listed here, also when it is refused."
            />
          )
        }
      />
      <Modal opened={!!open} onClose={() => setOpen(undefined)} title={open?.address} size={480}>
        {open && (
          <One
            source={open}
            onDone={() => {
              setOpen(undefined);
              rows.reload();
            }}
          />
        )}
      </Modal>
    </>
  );
}

function One({ source: s, onDone }: { source: Source; onDone: () => void }) {
  const may = useCan()('trap.write');
  const [item, setItem] = useState(s.item ?? '');
  const names = useItemNames(item);
  const [busy, setBusy] = useState<'pin' | 'forget'>();
  const act = async (what: 'pin' | 'forget') => {
    setBusy(what);
    const o = { params: { path: { address: s.address } } };
    try {
      if (what === 'pin') {
        await call(http.PUT('/api/v1/trap-sources/{address}', { ...o, body: { item: item.trim() } }));
        done(
          item.trim()
            ? `Traps of ${s.address} are those of ${item.trim()} from now on.`
            : 'It is left to the addresses of items.',
        );
      } else {
        await call(http.DELETE('/api/v1/trap-sources/{address}', o));
        done(`${s.address} is forgotten until it sends again.`);
      }
      onDone();
    } catch (e) {
      failed(s.address, e);
    } finally {
      setBusy(undefined);
    }
  };
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 16 }}>
      <KeyValue
        rows={[
          [
            'Taken',
            <Link key="t" to={trapsURL(`address=${encodeURIComponent(s.address)}`)}>
              {integer(s.taken)}
            </Link>,
          ],
          ['Not taken', lostText(s) || 'nothing'],
          ['Last reason', s.why],
          ['Last trap', s.last_trap],
          ['First seen', <Time key="f" at={s.first_at} mode="absolute" />],
          ['Last seen', <Time key="l" at={s.last_at} mode="absolute" />],
        ]}
      />
      {may && (
        <>
          <Autocomplete
            label="Item"
            description={
              s.pinned
                ? 'Somebody said so. Empty leaves it to the addresses of items.'
                : 'Found by its address. Say here when it is another one.'
            }
            placeholder="none"
            data={names}
            value={item}
            onChange={setItem}
          />
          <div style={{ display: 'flex', justifyContent: 'space-between' }}>
            <Button variant="default" loading={busy === 'forget'} onClick={() => void act('forget')}>
              Forget
            </Button>
            <Button loading={busy === 'pin'} disabled={item.trim() === (s.item ?? '')} onClick={() => void act('pin')}>
              Save
            </Button>
          </div>
        </>
      )}
    </div>
  );
}
