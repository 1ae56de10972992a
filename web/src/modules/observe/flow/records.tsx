import { Drawer } from '@mantine/core';
import { IconSearchOff } from '@tabler/icons-react';
import { useState } from 'react';
import { duration, integer, traffic } from '@/lib/format';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { KeyValue } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';

import { type Asked, type FlowRecord, listRecords } from './queries';

const port = (r: FlowRecord, side: 'src' | 'dst') => {
  const p = r.fields[`${side}_port`];
  return p ? <span className="muted">:{p}</span> : null;
};

const COLUMNS: Column<FlowRecord>[] = [
  { id: 'at', label: 'Came', width: 96, render: (r) => <Time at={r.at} /> },
  {
    id: 'from',
    label: 'From',
    min: 150,
    mono: true,
    main: true,
    render: (r) => (
      <span title={r.fields.src}>
        {r.from.text}
        {port(r, 'src')}
      </span>
    ),
  },
  {
    id: 'to',
    label: 'To',
    min: 150,
    mono: true,
    render: (r) => (
      <span title={r.fields.dst}>
        {r.to.text}
        {port(r, 'dst')}
      </span>
    ),
  },
  { id: 'app', label: 'Application', min: 100, render: (r) => r.fields.app ?? '' },
  { id: 'protocol', label: 'Protocol', width: 80, render: (r) => r.fields.protocol ?? '' },
  { id: 'flags', label: 'Flags', width: 130, render: (r) => r.flags_text ?? <span className="muted">–</span> },
  { id: 'bytes', label: 'Bytes', width: 90, right: true, render: (r) => traffic(r.bytes) },
  { id: 'packets', label: 'Packets', width: 80, right: true, render: (r) => integer(r.packets) },
  {
    id: 'exporter',
    label: 'Exporter',
    min: 110,
    render: (r) => <span title={r.fields.exporter}>{r.exporter.text}</span>,
  },
];
const card = (r: FlowRecord) => (
  <>
    <span className="mono" style={{ color: 'var(--tx-0)' }}>
      {r.from.text} → {r.to.text}
    </span>
    <span>{traffic(r.bytes)}</span>
    <span className="muted">{r.fields.app}</span>
    <Time at={r.at} mode="age" />
  </>
);
const idOf = (r: FlowRecord) => r.at;

/** The records as they came. */
export function Records({ asked, onChoose }: { asked: Asked; onChoose: (by: string, value: string) => void }) {
  const [open, setOpen] = useState<FlowRecord>();
  const rows = useRows<FlowRecord>({
    queryKey: ['flows', 'records', asked],
    fetchPage: ({ cursor, limit }, signal) => listRecords(asked, cursor, limit, signal),
    idOf,
  });
  return (
    <>
      <DataGrid
        label="Records"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={setOpen}
        empty={
          <EmptyState
            icon={IconSearchOff}
            title="No records in this range"
            hint={
              asked.filter.length
                ? 'Nothing passes the filters. Take one away, or look at a longer time.'
                : 'Records are kept for some days; sums of traffic are kept longer.'
            }
          />
        }
      />
      <Drawer opened={!!open} onClose={() => setOpen(undefined)} title="Record" position="right" size={420}>
        {open && <One r={open} onChoose={onChoose} />}
      </Drawer>
    </>
  );
}

const CHOICES: Record<string, string> = {
  src: 'src',
  dst: 'dst',
  src_net: 'src_net',
  dst_net: 'dst_net',
  src_port: 'src_port',
  dst_port: 'dst_port',
  protocol: 'protocol',
  service: 'service',
  app: 'app',
  in: 'in',
  out: 'out',
  src_as: 'src_as',
  dst_as: 'dst_as',
  dscp: 'dscp',
  tcp_flags: 'tcp_flags',
  exporter: 'exporter',
};

function One({ r, onChoose }: { r: FlowRecord; onChoose: (by: string, value: string) => void }) {
  const named: Record<string, string | undefined> = {
    src: r.from.text,
    dst: r.to.text,
    in: r.in.text,
    out: r.out.text,
    exporter: r.exporter.text,
    tcp_flags: r.flags_text,
    dscp: r.class_text,
  };
  const lasted = r.flow_start && r.flow_end ? (Date.parse(r.flow_end) - Date.parse(r.flow_start)) / 1000 : undefined;
  return (
    <KeyValue
      rows={[
        ['Came', <Time key="a" at={r.at} mode="absolute" />],
        ...(r.flow_start
          ? [['Began', <Time key="s" at={r.flow_start} mode="absolute" />] as [string, React.ReactNode]]
          : []),
        ...(lasted !== undefined ? [['Lasted', duration(lasted)] as [string, React.ReactNode]] : []),
        ['Volume', `${traffic(r.bytes)} in ${integer(r.packets)} packets`],
        ...Object.entries(r.fields)
          .filter(([k]) => !['bytes', 'packets', 'start', 'end'].includes(k))
          .map(([k, v]): [string, React.ReactNode] => [
            k.replaceAll('_', ' '),
            CHOICES[k] ? (
              <button key={k} type="button" className="link" title="Only these" onClick={() => onChoose(k, v)}>
                {named[k] && named[k] !== v ? `${named[k]} (${v})` : v}
              </button>
            ) : (
              v
            ),
          ]),
      ]}
    />
  );
}
