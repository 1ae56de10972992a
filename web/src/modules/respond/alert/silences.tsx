import { Button } from '@mantine/core';
import { IconBellOff, IconPlus } from '@tabler/icons-react';
import { createLazyRoute } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { useLive } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Facet } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Pill, Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { matcherText, type Silence } from './model';
import { expireSilence, listSilences } from './queries';
import { SilenceDialog } from './silence-form';

export const Route = createLazyRoute('/respond/silences')({ component: List });

const idOf = (r: Silence) => r.id;
const faded = (r: Silence) => r.state === 'expired';
const tone = (r: Silence) => (r.state === 'active' ? 'maint' : 'unknown');
const word = (r: Silence) => r.state.charAt(0).toUpperCase() + r.state.slice(1);
const card = (r: Silence) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{(r.matchers ?? []).map(matcherText).join(', ')}</span>
    <Pill tone={tone(r)}>{word(r)}</Pill>
    <span>{r.comment}</span>
    <Time at={r.ends_at} />
  </>
);

function List() {
  const [s, set] = useUrlState<{ expired?: true; new?: true }>();
  const may = useCan()('alert.write');
  const [ending, setEnding] = useState<Silence>();
  const rows = useRows<Silence>({
    queryKey: ['silences', s.expired],
    fetchPage: ({ cursor, limit }, signal) => listSilences(s.expired ?? false, cursor, limit, signal),
    idOf,
  });
  useLive('alerts', (n) => {
    if (n.kind === 'silences') rows.reload();
  });
  const columns = useMemo<Column<Silence>[]>(
    () => [
      { id: 'state', label: 'State', width: 96, render: (r) => <Pill tone={tone(r)}>{word(r)}</Pill> },
      {
        id: 'matchers',
        label: 'Alerts that fit',
        min: 220,
        render: (r) => (r.matchers ?? []).map((m) => <Tag key={m.name + m.value}>{matcherText(m)}</Tag>),
      },
      { id: 'comment', label: 'Why', min: 200, main: true, render: (r) => r.comment },
      { id: 'creator', label: 'By', width: 140, render: (r) => <span>{r.creator}</span> },
      { id: 'starts', label: 'Began', width: 104, right: true, render: (r) => <Time at={r.starts_at} /> },
      { id: 'ends', label: 'Ends', width: 104, right: true, render: (r) => <Time at={r.ends_at} /> },
      ...(may
        ? [
            {
              id: 'end',
              label: 'Action',
              width: 84,
              right: true,
              render: (r: Silence) =>
                r.state === 'expired' ? null : (
                  <Button variant="default" size="compact-xs" tabIndex={-1} onClick={() => setEnding(r)}>
                    End now
                  </Button>
                ),
            },
          ]
        : []),
    ],
    [may],
  );
  const add = may && (
    <Button leftSection={<IconPlus size={14} />} onClick={() => set({ new: true })}>
      Silence alerts
    </Button>
  );
  return (
    <>
      <PageHead title="Silences">
        <RowCount rows={rows} one="silence" many="silences" />
        <Spacer />
        {add}
      </PageHead>
      <Toolbar>
        <Facet
          label="Show"
          choices={[{ value: 'expired', label: 'Also those that are over' }]}
          value={s.expired ? ['expired'] : []}
          onChange={(v) => set({ expired: v.length ? true : undefined })}
        />
      </Toolbar>
      <DataGrid
        label="Silences"
        columns={columns}
        rows={rows}
        card={card}
        faded={faded}
        onOpen={may ? (r) => r.state !== 'expired' && setEnding(r) : undefined}
        empty={
          <EmptyState
            icon={IconBellOff}
            title="No silences"
            hint="A silence keeps alerts from being told for a while. Monitoring goes on."
          />
        }
      />
      <SilenceDialog
        opened={!!s.new && may}
        onClose={() => set({ new: undefined })}
        matchers={[]}
        onDone={rows.reload}
      />
      <ConfirmDialog
        opened={!!ending}
        onClose={() => setEnding(undefined)}
        title={`End the silence “${ending?.comment ?? ''}”?`}
        action="End now"
        run={async () => {
          await expireSilence(ending?.id ?? '');
          done('Silence ended.');
          rows.reload();
        }}
      >
        Alerts that still fire and fit no other silence are told at once.
      </ConfirmDialog>
    </>
  );
}
