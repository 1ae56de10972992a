import { Button, Modal, MultiSelect, NumberInput, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useCan } from '@/lib/permissions';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { SideSection } from '@/ui/PageHead';
import { done } from '@/ui/toast';
import { type Item, relationsQuery, updateItem, waits } from './queries';
import { ItemLink } from './side';

type Group = Item['redundancy'][number];

// The relations through which an item needs another one.
const NEEDS = ['depends_on', 'runs_on', 'contains'];

/** What the item needs only some of: shown, added, changed and removed. */
export function Redundancy({ item }: { item: Item }) {
  const may = useCan()('item.write');
  const [open, setOpen] = useState<number | 'new'>();
  const relations = useQuery(relationsQuery(item.name)).data?.items ?? [];
  const needed = [...new Set(relations.filter((r) => r.owned && NEEDS.includes(r.type)).map((r) => r.item.name))];
  const groups = item.redundancy ?? [];
  if (!groups.length && (!may || needed.length < 2)) return null;
  const old = typeof open === 'number' ? groups[open] : undefined;
  return (
    <SideSection
      title="Redundancy"
      tools={
        may && (
          <Button size="compact-xs" variant="subtle" onClick={() => setOpen('new')}>
            Add
          </Button>
        )
      }
    >
      {groups.length === 0 && <span className="muted">It needs all that it depends on.</span>}
      {groups.map((g, i) => (
        <div key={g.name} style={{ display: 'flex', gap: 8, alignItems: 'baseline' }}>
          <span style={{ flex: 1 }}>
            {g.name}
            <span className="muted" style={{ display: 'block' }}>
              needs {g.need || 1} of these, else it {g.below === 'degraded' ? 'is degraded' : 'stops'}
            </span>
            {g.of.map((n) => (
              <span key={n} style={{ display: 'inline-block', marginRight: 10 }}>
                <ItemLink name={n} />
              </span>
            ))}
          </span>
          {may && (
            <Button size="compact-xs" variant="subtle" color="gray" onClick={() => setOpen(i)}>
              Change
            </Button>
          )}
        </div>
      ))}
      <Modal
        opened={open !== undefined}
        onClose={() => setOpen(undefined)}
        title={old ? `Redundancy of ${old.name}` : 'Add redundancy'}
        size={460}
      >
        {open !== undefined && (
          <Edit
            item={item}
            at={typeof open === 'number' ? open : undefined}
            choices={[...new Set([...needed, ...(old?.of ?? [])])]}
            onClose={() => setOpen(undefined)}
          />
        )}
      </Modal>
    </SideSection>
  );
}

function Edit({
  item,
  at,
  choices,
  onClose,
}: {
  item: Item;
  at: number | undefined;
  choices: string[];
  onClose: () => void;
}) {
  const client = useQueryClient();
  const groups = item.redundancy ?? [];
  const old = at === undefined ? undefined : groups[at];
  const save = async (next: Group[]) => {
    const answer = await updateItem(item.name, { redundancy: next }, undefined);
    const waiting = waits(answer);
    await client.invalidateQueries({ queryKey: ['item', item.name] });
    if (!waiting) done('The redundancy was saved.');
    onClose();
  };
  const form = useForm({
    schema: z.object({
      name: z.string().check(z.trim(), z.minLength(1, 'Give the group a name.')),
      need: z.number().check(z.minimum(1, 'At least one must work.')),
      of: z.array(z.string()).check(z.minLength(2, 'Choose two or more.')),
      below: z.string(),
    }),
    initial: {
      name: old?.name ?? '',
      need: old?.need || 1,
      of: old?.of ?? choices,
      below: (old?.below ?? 'stops') as string,
    },
    submit: (v) => {
      const g = { ...v, below: v.below as Group['below'] };
      return save(at === undefined ? [...groups, g] : groups.map((x, i) => (i === at ? g : x)));
    },
    mapField: (f) => f.replace(/^redundancy\.\d+\./, ''),
  });
  return (
    <Form form={form} label="Redundancy">
      <TextInput label="Name" withAsterisk placeholder="database" data-autofocus {...form.field('name')} />
      <MultiSelect
        label="Of these"
        withAsterisk
        description="What it depends on, runs on or contains."
        data={choices}
        searchable
        {...form.field('of')}
      />
      <Row>
        <NumberInput label="So many must work" min={1} {...form.field('need')} />
        <Select
          label="With fewer"
          allowDeselect={false}
          data={[
            { value: 'stops', label: 'it stops' },
            { value: 'degraded', label: 'it is degraded' },
          ]}
          {...form.field('below')}
        />
      </Row>
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {at !== undefined ? (
          <Button variant="default" onClick={() => void save(groups.filter((_, i) => i !== at))}>
            Remove
          </Button>
        ) : (
          <span />
        )}
        <FormActions action="Save" pending={form.pending} onCancel={onClose} />
      </div>
    </Form>
  );
}
