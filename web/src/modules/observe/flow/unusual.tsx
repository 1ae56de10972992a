import { Button, Drawer } from '@mantine/core';
import { IconAdjustments, IconShieldCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { absolute, useZone } from '@/lib/time';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Facet } from '@/ui/Filters';
import { Spacer, Toolbar } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { SevMark } from '@/ui/SevMark';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import classes from './flows.module.css';
import { findingURL, KINDS } from './model';
import { type Finding, judgingQuery, listFindings } from './queries';
import { JudgeForm } from './settings';

const COLUMNS: Column<Finding>[] = [
  { id: 'severity', label: 'Severity', width: 96, render: (r) => <SevMark severity={r.severity} /> },
  { id: 'title', label: 'What', min: 260, main: true, render: (r) => <span title={r.reason}>{r.title}</span> },
  { id: 'kind', label: 'Kind', width: 130, render: (r) => KINDS[r.kind] },
  {
    id: 'item',
    label: 'Item',
    min: 120,
    render: (r) =>
      r.item ? (
        <Link to={`/estate/items/${encodeURIComponent(r.item)}` as string} tabIndex={-1}>
          {r.item}
        </Link>
      ) : (
        <span className="muted">none</span>
      ),
  },
  { id: 'at', label: 'Detected', width: 110, right: true, render: (r) => <Time at={r.detected_at} /> },
  {
    id: 'state',
    label: 'State',
    width: 110,
    render: (r) => (r.ended_at ? <span className="muted">over</span> : <Pill tone="down">going on</Pill>),
  },
];
const card = (r: Finding) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.title}</span>
    <SevMark severity={r.severity} label={false} />
    <span className="muted">{KINDS[r.kind]}</span>
    <Time at={r.detected_at} mode="age" />
  </>
);
const idOf = (r: Finding) => r.id;

/** Traffic that differs from what is usual, and how it is judged. */
export function Unusual({ may }: { may: boolean }) {
  const zone = useZone();
  const [open, setOpen] = useState<Finding>();
  const [kinds, setKinds] = useState<string[]>([]);
  const [settings, setSettings] = useState(false);
  const judging = useQuery(judgingQuery);
  const kind = kinds.at(-1) as Finding['kind'] | undefined;
  const rows = useRows<Finding>({
    queryKey: ['flows', 'unusual', kind],
    fetchPage: ({ cursor, limit }, signal) => listFindings(kind, cursor, limit, signal),
    idOf,
    topic: 'flows',
  });
  const until = judging.data?.learning ? judging.data.learning_until : undefined;
  return (
    <>
      <Toolbar>
        <Facet
          label="Kind"
          choices={Object.entries(KINDS).map(([value, label]) => ({ value, label }))}
          value={kinds}
          onChange={(v) => setKinds(v.slice(-1))}
        />
        {until && (
          <span className="muted">
            Learning what is usual until {absolute(until, zone).slice(0, 16)}; nothing is told before.
          </span>
        )}
        <Spacer />
        {judging.data && (
          <Button
            variant="default"
            px={8}
            leftSection={<IconAdjustments size={13} />}
            onClick={() => setSettings(true)}
          >
            How it is judged
          </Button>
        )}
      </Toolbar>
      <DataGrid
        label="Unusual traffic"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={setOpen}
        empty={
          <EmptyState
            icon={IconShieldCheck}
            title="Nothing unusual"
            hint="New talkers of important items, scans, sudden fan-outs, much traffic to the outside and floods show here, and as alerts."
          />
        }
      />
      <Drawer opened={!!open} onClose={() => setOpen(undefined)} title={open?.title} position="right" size={460}>
        {open && (
          <>
            <p className={classes.way}>{open.reason}</p>
            <KeyValue
              rows={[
                ['Severity', <SevMark key="s" severity={open.severity} />],
                ['Kind', KINDS[open.kind]],
                ['Detected', <Time key="d" at={open.detected_at} mode="absolute" />],
                ['Over', open.ended_at ? <Time key="e" at={open.ended_at} mode="absolute" /> : 'not yet'],
                ...(open.end_reason ? [['Why over', open.end_reason] as [string, string]] : []),
              ]}
            />
            <p>
              <Link to={findingURL(open) as string}>Look at the traffic</Link>
            </p>
          </>
        )}
      </Drawer>
      <Drawer
        opened={settings}
        onClose={() => setSettings(false)}
        title="How traffic is judged"
        position="right"
        size={460}
      >
        {settings && judging.data && (
          <JudgeForm settings={judging.data.settings} may={may} onClose={() => setSettings(false)} />
        )}
      </Drawer>
    </>
  );
}
