import { Autocomplete, Button, Modal, Select, TextInput } from '@mantine/core';
import { IconHelpCircle } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { integer } from '@/lib/format';
import { useItemNames } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { useClientRows } from '@/ui/rows';
import { Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import classes from './ingest.module.css';
import { HINTS } from './model';
import { accept, ignore, type Unknown, unknownQuery } from './queries';

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
        {open && <Accept unknown={open} onClose={() => setOpen(undefined)} />}
      </Modal>
    </>
  );
}

const schema = z.object({
  way: z.string(),
  item: z.string(),
  name: z.string(),
  kind: z.string(),
});

function Accept({ unknown: u, onClose }: { unknown: Unknown; onClose: () => void }) {
  const client = useQueryClient();
  const create = useCan()('item.write');
  const kinds = useQuery({
    queryKey: ['item-kinds'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/item-kinds', { signal })),
    staleTime: 60_000,
    enabled: create,
  });
  const [way, setWay] = useState(!u.suggestion?.create || !create ? 'item' : 'new');
  const [q, setQ] = useState(u.suggestion?.item ?? '');
  const names = useItemNames(q);
  const form = useForm({
    schema,
    initial: {
      way,
      item: u.suggestion?.item ?? '',
      name: u.suggestion?.create ?? u.value,
      kind: u.suggestion?.kind ?? 'host',
    },
    submit: (v) => (way === 'new' ? accept(u.id, v.name, v.kind) : accept(u.id, v.item)),
    done: (b) => {
      void client.invalidateQueries({ queryKey: ['ingest'] });
      done(`Signals of ${u.value} belong to ${b.item} from now on.`);
      onClose();
    },
    mapField: (f) => (f === 'item' && way === 'new' ? 'name' : f),
  });
  const item = form.field('item');
  return (
    <Form form={form} label="Accept">
      <p className={classes.lead}>{u.suggestion?.reason}</p>
      <Select
        label="It is"
        allowDeselect={false}
        data={[
          { value: 'item', label: 'An item that exists' },
          ...(create ? [{ value: 'new', label: 'A new item' }] : []),
        ]}
        value={way}
        onChange={(v) => setWay(v ?? 'item')}
      />
      {way === 'item' ? (
        <Autocomplete
          label="Item"
          withAsterisk
          placeholder="Name of the item"
          data={names}
          filter={({ options }) => options}
          {...item}
          onChange={(v) => {
            setQ(v);
            item.onChange(v);
          }}
        />
      ) : (
        <>
          <TextInput label="Name" withAsterisk {...form.field('name')} />
          <Select
            label="Kind"
            searchable
            allowDeselect={false}
            data={(kinds.data?.items ?? []).map((k) => ({ value: k.name, label: k.title || k.name }))}
            {...form.field('kind')}
          />
        </>
      )}
      <FormActions action={way === 'new' ? 'Create and bind' : 'Bind'} pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
