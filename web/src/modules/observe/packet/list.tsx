import { Button, Checkbox, FileButton, NumberInput, Select, TextInput } from '@mantine/core';
import { IconFileSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { type DragEvent, useState } from 'react';
import { call, http } from '@/api/client';
import { toProblem } from '@/api/problems';
import { bytes, integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { failed } from '@/ui/toast';
import { From } from './from';
import type { Capture } from './model';

export const Route = createLazyRoute('/observe/captures')({ component: List });

const to = (c: Capture) => `/observe/captures/${c.id}`;
const TONE = { running: 'plain', reading: 'plain', ready: 'ok', failed: 'down' } as const;
const COLUMNS: Column<Capture>[] = [
  {
    id: 'name',
    label: 'Name',
    min: 220,
    main: true,
    render: (r) => (
      <Link to={to(r)} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'state', label: 'State', width: 110, render: (r) => <Pill tone={TONE[r.state]}>{r.state}</Pill> },
  { id: 'packets', label: 'Packets', width: 100, right: true, render: (r) => integer(r.packets) },
  { id: 'size', label: 'Size', width: 90, right: true, render: (r) => bytes(r.size) },
  { id: 'created', label: 'Begun', width: 110, render: (r) => <Time at={r.created_at} /> },
  { id: 'expires', label: 'Removed', width: 110, render: (r) => <Time at={r.expires_at} /> },
  { id: 'note', label: 'Note', min: 200, render: (r) => <span className="muted">{r.note}</span> },
];
const card = (r: Capture) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <Pill tone={TONE[r.state]}>{r.state}</Pill>
    <span className="muted">{`${integer(r.packets)} packets`}</span>
    <Time at={r.created_at} />
  </>
);
const idOf = (r: Capture) => r.id;

function List() {
  const navigate = useNavigate();
  const can = useCan();
  const [from, setFrom] = useState('');
  const [name, setName] = useState<string | null>(null);
  const [filter, setFilter] = useState('');
  const [seconds, setSeconds] = useState<number | string>(60);
  const [bare, setBare] = useState(false);
  const [busy, setBusy] = useState(false);
  const place = useQuery({
    queryKey: ['capture-interfaces', from],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/capture-interfaces', { params: { query: { from: from || undefined } }, signal })),
  });
  const rows = useRows<Capture>({
    queryKey: ['captures'],
    fetchPage: ({ cursor, limit }, signal) =>
      call(http.GET('/api/v1/captures', { params: { query: { cursor, limit } }, signal })),
    idOf,
    topic: 'captures',
  });
  const start = async () => {
    setBusy(true);
    try {
      const c = await call(
        http.POST('/api/v1/captures', {
          body: { from: from || undefined, interface: name ?? '', filter, duration: `${seconds}s`, headers_only: bare },
        }),
      );
      void navigate({ to: to(c) });
    } catch (e) {
      failed('The capture did not begin', e);
    }
    setBusy(false);
  };
  const take = async (f: File | null) => {
    if (!f) return;
    setBusy(true);
    try {
      const r = await fetch(`/api/v1/capture-uploads?name=${encodeURIComponent(f.name)}&headers_only=${bare}`, {
        method: 'POST',
        credentials: 'same-origin',
        body: f,
      });
      const answer = await r.json();
      if (!r.ok) throw toProblem(answer, r);
      void navigate({ to: to(answer as Capture) });
    } catch (e) {
      failed(`${f.name} was not taken`, e);
    }
    setBusy(false);
  };
  const drop = (e: DragEvent) => {
    e.preventDefault();
    if (can('capture.write')) void take(e.dataTransfer.files[0] ?? null);
  };
  return (
    <>
      <PageHead title="Captures">
        <RowCount rows={rows} one="capture" many="captures" />
        <Spacer />
        {can('capture.write') && (
          <FileButton onChange={(f) => void take(f)}>
            {(p) => (
              <Button {...p} loading={busy} variant="default">
                Upload a file
              </Button>
            )}
          </FileButton>
        )}
      </PageHead>
      {can('capture.write') && (
        <Toolbar>
          <From
            value={from}
            onChange={(v) => {
              setFrom(v);
              setName(null);
            }}
          />
          <Select
            aria-label="Interface"
            placeholder="Interface"
            w={140}
            data={['any', ...(place.data?.interfaces ?? []).map((i) => i.name)]}
            value={name}
            onChange={setName}
          />
          <TextInput
            aria-label="Capture filter"
            placeholder="host 192.0.2.1 and tcp port 443"
            w={280}
            value={filter}
            onChange={(e) => setFilter(e.currentTarget.value)}
          />
          <NumberInput
            aria-label="Seconds"
            suffix=" s"
            w={90}
            min={1}
            max={3600}
            value={seconds}
            onChange={setSeconds}
          />
          <Checkbox label="Headers only" checked={bare} onChange={(e) => setBare(e.currentTarget.checked)} />
          <Button disabled={!name || !!place.data?.problem} loading={busy} onClick={() => void start()}>
            Capture
          </Button>
          {place.data?.problem && <span className="muted">{place.data.problem}</span>}
        </Toolbar>
      )}
      <section
        aria-label="Captures; a file may be dropped here"
        onDragOver={(e) => e.preventDefault()}
        onDrop={drop}
        style={{ display: 'flex', flexDirection: 'column', flex: 1, minHeight: 0 }}
      >
        <DataGrid
          label="Captures"
          columns={COLUMNS}
          rows={rows}
          card={card}
          onOpen={(r) => void navigate({ to: to(r) })}
          empty={
            <EmptyState
              icon={IconFileSearch}
              title="No capture yet"
              hint="Choose an interface above, or drop a file of pcap or pcapng here."
            />
          }
        />
      </section>
    </>
  );
}
