import { IconListDetails } from '@tabler/icons-react';
import { useEffect } from 'react';
import { call, http } from '@/api/client';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { useRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import type { LogLine, Run } from './model';

const COLUMNS: Column<LogLine>[] = [
  { id: 'at', label: 'Time', width: 160, render: (r) => <Time at={r.at} mode="absolute" /> },
  {
    id: 'ok',
    label: 'Result',
    width: 80,
    render: (r) => <Pill tone={r.ok ? 'ok' : 'warn'}>{r.ok ? 'ok' : 'no'}</Pill>,
  },
  { id: 'method', label: 'Method', width: 80, render: (r) => r.method },
  { id: 'address', label: 'Address', width: 150, mono: true, render: (r) => <span>{r.address ?? ''}</span> },
  { id: 'text', label: 'What came of it', min: 320, main: true, render: (r) => <span title={r.text}>{r.text}</span> },
];
const card = (r: LogLine) => (
  <>
    <span className="mono">{r.address ?? r.method}</span>
    <Time at={r.at} mode="age" />
    <span>{r.text}</span>
    <span />
  </>
);
const idOf = (r: LogLine) => r.id;

/** What a run tried, in the order of time. */
export function Log({ run }: { run: Run | undefined }) {
  const id = run?.id ?? '';
  const rows = useRows<LogLine>({
    queryKey: ['discovery-log', id],
    fetchPage: ({ cursor, limit }, signal) =>
      id
        ? call(
            http.GET('/api/v1/discovery-runs/{id}/log', { params: { path: { id }, query: { cursor, limit } }, signal }),
          )
        : Promise.resolve({ items: [] }),
    idOf,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end of the run brings the last lines
  useEffect(() => rows.reload(), [run?.state]);
  return (
    <DataGrid
      label="Log"
      columns={COLUMNS}
      rows={rows}
      card={card}
      empty={
        <EmptyState
          icon={IconListDetails}
          title="Nothing is written down"
          hint="A run that looks at ports, names or SNMP writes here what it tried."
        />
      }
    />
  );
}
