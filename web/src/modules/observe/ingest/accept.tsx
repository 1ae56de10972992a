import { Autocomplete, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { useItemNames } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { Form, FormActions, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import classes from './ingest.module.css';
import { accept, type Unknown } from './queries';

const schema = z.object({
  way: z.string(),
  item: z.string(),
  name: z.string(),
  kind: z.string(),
});

/** Says what an unknown source is: an item that exists, or a new one. */
export function Accept({ unknown: u, onClose }: { unknown: Unknown; onClose: () => void }) {
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
