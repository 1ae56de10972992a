import { Button, Modal } from '@mantine/core';
import { IconHistory, IconShieldCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, Facet, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import classes from './settings.module.css';

export const Route = createLazyRoute('/settings/audit')({ component: Page });

type Entry = Schemas['AuditEntry'];
const COLUMNS: Column<Entry>[] = [
  { id: 'at', label: 'Time', width: 150, render: (r) => <Time at={r.at} mode="absolute" /> },
  { id: 'actor', label: 'Who', width: 170, render: (r) => <span>{r.actor}</span> },
  { id: 'via', label: 'By way of', width: 84, render: (r) => r.via },
  { id: 'action', label: 'Action', width: 180, mono: true, render: (r) => <span>{r.action}</span> },
  { id: 'name', label: 'What', min: 220, main: true, render: (r) => r.name || r.ref_id },
  { id: 'seq', label: 'Number', width: 80, right: true, render: (r) => r.seq },
];
const card = (r: Entry) => (
  <>
    <span className="mono">{r.action}</span>
    <Time at={r.at} />
    <span style={{ color: 'var(--tx-0)' }}>{r.name || r.ref_id}</span>
    <span className="muted">{r.actor}</span>
  </>
);
const idOf = (r: Entry) => String(r.seq);
const KINDS = [
  'account',
  'team',
  'token',
  'item',
  'check',
  'downtime',
  'incident',
  'alert',
  'silence',
  'schedule',
  'escalation',
  'channel',
  'notification',
  'policy',
].map((k) => ({ value: k, label: k }));

function Page() {
  const [s, set] = useUrlState<{ kind?: string; action?: string; actor?: string }>();
  const [open, setOpen] = useState<Entry>();
  const people = useQuery({
    queryKey: ['people'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/people', { signal })),
  });
  const rows = useRows<Entry>({
    queryKey: ['audit', s],
    fetchPage: ({ cursor, limit }, signal) =>
      call(
        http.GET('/api/v1/audit', {
          params: {
            query: {
              kind: s.kind,
              action: s.action,
              actor: s.actor,
              cursor: cursor ? Number(cursor) : undefined,
              limit,
            },
          },
          signal,
        }),
      ),
    idOf,
  });
  const verify = async () => {
    try {
      const v = await call(http.GET('/api/v1/audit/verify'));
      if (v.ok) done('The log is whole: no entry was altered or removed.');
      else failed('Verifying the log', new Error(`Entry ${v.broken} does not fit the one before it.`));
    } catch (e) {
      failed('Verifying the log', e);
    }
  };
  return (
    <>
      <PageHead title="Audit log">
        <RowCount rows={rows} one="entry" many="entries" />
        <Spacer />
        <Button variant="default" leftSection={<IconShieldCheck size={14} />} onClick={() => void verify()}>
          Verify the log
        </Button>
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.action ?? ''}
          onChange={(action) => set({ action })}
          placeholder="Action, such as incident.resolve"
          label="Action"
        />
        <Facet label="Kind" choices={KINDS} value={s.kind ? [s.kind] : []} onChange={(v) => set({ kind: v.at(-1) })} />
        <Facet
          label="Who"
          choices={(people.data?.items ?? []).map((p) => ({ value: p.id, label: p.name }))}
          value={s.actor ? [s.actor] : []}
          onChange={(v) => set({ actor: v.at(-1) })}
        />
        <ClearFilters
          on={!!(s.kind || s.action || s.actor)}
          onClear={() => set({ kind: undefined, action: '', actor: undefined })}
        />
      </Toolbar>
      <DataGrid
        label="Audit log"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={setOpen}
        empty={
          <EmptyState
            icon={IconHistory}
            title="No entry fits"
            hint="Every change is written here, with what was before and after."
          />
        }
      />
      <Modal opened={!!open} onClose={() => setOpen(undefined)} title={open?.action} size={760}>
        {open && <One entry={open} />}
      </Modal>
    </>
  );
}

const json = (v: unknown) => (v === undefined || v === null ? 'Nothing' : JSON.stringify(v, null, 2));

function One({ entry: e }: { entry: Entry }) {
  return (
    <div className={classes.stack}>
      <KeyValue
        rows={[
          ['What', `${e.ref_kind} ${e.name || e.ref_id}`],
          ['Who', `${e.actor} (${e.via})`],
          ['When', <Time key="t" at={e.at} mode="absolute" />],
          [
            'Hash',
            <span key="h" className="mono">
              {e.hash}
            </span>,
          ],
        ]}
      />
      <div className={classes.pair}>
        <section aria-label="Before">
          <b>Before</b>
          <pre className={`${classes.code} mono`}>{json(e.before)}</pre>
        </section>
        <section aria-label="After">
          <b>After</b>
          <pre className={`${classes.code} mono`}>{json(e.after)}</pre>
        </section>
      </div>
    </div>
  );
}
