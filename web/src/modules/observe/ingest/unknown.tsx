import { Button, Modal } from '@mantine/core';
import { IconHelpCircle } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { useClientRows } from '@/ui/rows';
import { Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import classes from './ingest.module.css';
import { HINTS } from './model';
import { ignore, type Unknown, unknownQuery } from './queries';

const Accept = lazy(() => import('./accept').then((m) => ({ default: m.Accept })));

const idOf = (u: Unknown) => u.id;
const NONE: Unknown[] = [];

const card = (r: Unknown) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.value}</span>
    <Time at={r.last_seen} />
    <span className="muted">
      {HINTS[r.hint]}, {r.protocol}
    </span>
    <span className="muted">{r.suggestion?.item ? `${r.suggestion.item}?` : 'new'}</span>
  </>
);

export function UnknownTab() {
  const query = useQuery(unknownQuery);
  const client = useQueryClient();
  const may = useCan()('source.write');
  const [open, setOpen] = useState<Unknown>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const columns = useMemo<Column<Unknown>[]>(
    () => [
      {
        id: 'value',
        label: 'Named in signals',
        min: 190,
        main: true,
        render: (r) => (
          <span className={classes.named}>
            <span className={classes.cut}>{r.value}</span> <Tag>{HINTS[r.hint]}</Tag>
          </span>
        ),
      },
      { id: 'by', label: 'Sent by', min: 130, render: (r) => `${r.sender} (${r.protocol})` },
      {
        id: 'suggestion',
        label: 'Suggestion',
        min: 190,
        render: (r) =>
          r.suggestion?.item
            ? `It may be ${r.suggestion.item}`
            : r.suggestion?.create
              ? `Create it: ${r.suggestion.kind}`
              : 'Bind it to its item',
      },
      { id: 'signals', label: 'Signals', width: 100, right: true, render: (r) => integer(r.signals) },
      { id: 'first', label: 'First seen', width: 110, right: true, render: (r) => <Time at={r.first_seen} /> },
      { id: 'last', label: 'Last seen', width: 110, right: true, render: (r) => <Time at={r.last_seen} /> },
      {
        id: 'do',
        label: 'Actions',
        width: 160,
        right: true,
        render: (r) =>
          may && (
            <span className={classes.acts}>
              <Button size="compact-xs" onClick={() => setOpen(r)}>
                Accept
              </Button>
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => {
                  ignore(r.id, true).then(
                    () => {
                      void client.invalidateQueries({ queryKey: ['ingest', 'unknown'] });
                      done(`${r.value} is ignored.`, () => {
                        void ignore(r.id, false).then(() =>
                          client.invalidateQueries({ queryKey: ['ingest', 'unknown'] }),
                        );
                      });
                    },
                    (e) => failed(`${r.value} is not ignored`, e),
                  );
                }}
              >
                Ignore
              </Button>
            </span>
          ),
      },
    ],
    [may, client],
  );
  return (
    <>
      <Loaded query={query} what="The unknown sources">
        {() => (
          <DataGrid
            label="Unknown sources"
            columns={columns}
            rows={rows}
            card={card}
            onOpen={may ? setOpen : undefined}
            empty={
              <EmptyState
                icon={IconHelpCircle}
                title="Every signal has its item"
                hint="What signals name and no item is called waits here, with a suggestion."
              />
            }
          />
        )}
      </Loaded>
      <Modal opened={!!open} onClose={() => setOpen(undefined)} title={`What is ${open?.value ?? ''}?`} size={480}>
        <Suspense>{open && <Accept unknown={open} onClose={() => setOpen(undefined)} />}</Suspense>
      </Modal>
    </>
  );
}
