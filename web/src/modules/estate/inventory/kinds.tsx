import { Button, Modal, Select, TagsInput, TextInput } from '@mantine/core';
import { IconPlus, IconSitemap } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Tabs } from '@/ui/Tabs';
import { done, failed } from '@/ui/toast';
import { Approval } from './approval';
import { inTree, type Kind, kindChoices, relationTypesQuery, useKinds } from './queries';
import { Recognition } from './recognition';

export const Route = createLazyRoute('/settings/item-kinds')({ component: Page });

type RelationType = Schemas['KindRelation'];
type Tab = 'kinds' | 'relations' | 'sources' | 'recognition' | 'approval';
const TABS = [
  { value: 'kinds', label: 'Kinds' },
  { value: 'relations', label: 'Relations' },
  { value: 'sources', label: 'Sources' },
  { value: 'recognition', label: 'Recognition' },
  { value: 'approval', label: 'Approval' },
];

interface Line {
  kind: Kind;
  depth: number;
}
const KINDS: Column<Line>[] = [
  {
    id: 'title',
    label: 'Kind',
    min: 180,
    main: true,
    render: (r) => (
      <Link
        to={`/settings/item-kinds/${r.kind.name}` as string}
        tabIndex={-1}
        style={{ color: 'inherit', paddingLeft: r.depth * 18 }}
      >
        {r.kind.title}
      </Link>
    ),
  },
  { id: 'name', label: 'Name', width: 170, mono: true, render: (r) => <span>{r.kind.name}</span> },
  {
    id: 'attributes',
    label: 'Attributes',
    min: 240,
    render: (r) => {
      const text = r.kind.attributes.map((a) => a.title || a.name).join(', ');
      return <span title={text}>{text || <span className="muted">–</span>}</span>;
    },
  },
  {
    id: 'from',
    label: 'Made by',
    width: 100,
    render: (r) => (r.kind.built_in ? <span className="muted">built in</span> : 'you'),
  },
  { id: 'items', label: 'Items', width: 80, right: true, render: (r) => r.kind.items },
];
const kindCard = (r: Line) => (
  <>
    <span style={{ color: 'var(--tx-0)', paddingLeft: r.depth * 12 }}>{r.kind.title}</span>
    <span className="muted">{r.kind.items}</span>
    <span className="muted">{r.kind.attributes.map((a) => a.title || a.name).join(', ')}</span>
    <span />
  </>
);
const idOf = (r: Line) => r.kind.name;
const NONE: never[] = [];

function Page() {
  const [s, set] = useUrlState<{ tab?: Tab }>();
  const tab = s.tab ?? 'kinds';
  const can = useCan();
  const may = can('item.model');
  const write = can('item.write');
  const [adding, setAdding] = useState(false);
  const [relation, setRelation] = useState<RelationType | 'new'>();
  return (
    <>
      <PageHead title="Item kinds">
        <Spacer />
        {may && tab === 'kinds' && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setAdding(true)}>
            Add a kind
          </Button>
        )}
        {may && tab === 'relations' && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setRelation('new')}>
            Add a relation
          </Button>
        )}
      </PageHead>
      <Tabs
        tabs={TABS}
        value={tab}
        onChange={(t) => set({ tab: t === 'kinds' ? undefined : (t as Tab) })}
        label="Item kinds"
      />
      {tab === 'kinds' && <Kinds />}
      {tab === 'relations' && <Relations onOpen={setRelation} />}
      {tab === 'sources' && <Sources may={may} />}
      {tab === 'recognition' && <Recognition may={write} />}
      {tab === 'approval' && <Approval may={may} />}
      <Modal opened={adding} onClose={() => setAdding(false)} title="Add a kind" size={460}>
        {adding && <NewKind onClose={() => setAdding(false)} />}
      </Modal>
      <Modal
        opened={!!relation}
        onClose={() => setRelation(undefined)}
        title={relation === 'new' ? 'Add a relation' : `Relation ${relation?.name ?? ''}`}
        size={520}
      >
        {relation && (
          <EditRelation old={relation === 'new' ? undefined : relation} onClose={() => setRelation(undefined)} />
        )}
      </Modal>
    </>
  );
}

function Kinds() {
  const query = useKinds();
  const navigate = useNavigate();
  const lines = useMemo(() => inTree(query.data?.items ?? NONE), [query.data]);
  const rows = useClientRows(lines, idOf);
  return (
    <Loaded query={query} what="The kinds">
      {() => (
        <DataGrid
          label="Kinds"
          columns={KINDS}
          rows={rows}
          card={kindCard}
          onOpen={(r) => void navigate({ to: `/settings/item-kinds/${r.kind.name}` as string })}
          empty={<EmptyState icon={IconSitemap} title="No kind" hint="Add one." />}
        />
      )}
    </Loaded>
  );
}

function NewKind({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const kinds = useKinds().data?.items ?? [];
  const form = useForm({
    schema: z.object({
      title: z.string().check(z.trim(), z.minLength(1, 'Give it a title.')),
      name: z
        .string()
        .check(z.regex(/^[a-z][a-z0-9_]{0,49}$/, 'Use small letters, digits and _; begin with a letter.')),
      parent: z.nullable(z.string()),
    }),
    initial: { title: '', name: '', parent: null as string | null },
    submit: (v) =>
      call(http.POST('/api/v1/item-kinds', { body: { name: v.name, title: v.title, parent: v.parent ?? undefined } })),
    done: async (k) => {
      await client.invalidateQueries({ queryKey: ['item-kinds'] });
      onClose();
      await navigate({ to: `/settings/item-kinds/${k.name}` as string });
    },
  });
  return (
    <Form form={form} label="Kind">
      <TextInput label="Title" withAsterisk placeholder="Router" data-autofocus {...form.field('title')} />
      <TextInput
        label="Name"
        withAsterisk
        placeholder="router"
        description="As files and the API write it. It cannot change later."
        {...form.field('name')}
      />
      <Select
        label="Extends"
        placeholder="Nothing"
        clearable
        searchable
        description="It has all attributes of that kind, and filters for that kind find it."
        data={kindChoices(kinds)}
        {...form.field('parent')}
      />
      <FormActions action="Add the kind" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

const SPREADS: Record<string, (r: RelationType) => string> = {
  none: () => 'Nothing happens to the other one.',
  to_source: (r) => `If b stops, a is affected, because a ${r.title} b.`,
  to_target: (r) => `If a stops, b is affected, because b ${r.inverse_title} a.`,
};
const RELATIONS: Column<RelationType>[] = [
  { id: 'title', label: 'Relation', min: 150, main: true, render: (r) => `a ${r.title} b` },
  { id: 'inverse', label: 'From the other side', min: 160, render: (r) => `b ${r.inverse_title} a` },
  { id: 'name', label: 'Name', width: 140, mono: true, render: (r) => <span>{r.name}</span> },
  { id: 'carries', label: 'Failure', min: 280, render: (r) => SPREADS[r.carries]?.(r) },
  {
    id: 'from',
    label: 'Made by',
    width: 100,
    render: (r) => (r.built_in ? <span className="muted">built in</span> : 'you'),
  },
];
const relationCard = (r: RelationType) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>a {r.title} b</span>
    <span className="muted">{r.built_in ? 'built in' : ''}</span>
    <span className="muted">{SPREADS[r.carries]?.(r)}</span>
    <span />
  </>
);
const relationID = (r: RelationType) => r.name;

function Relations({ onOpen }: { onOpen: (r: RelationType) => void }) {
  const query = useQuery(relationTypesQuery);
  const may = useCan()('item.model');
  const rows = useClientRows(query.data?.items ?? NONE, relationID);
  return (
    <Loaded query={query} what="The relation types">
      {() => (
        <DataGrid
          label="Relation types"
          columns={RELATIONS}
          rows={rows}
          card={relationCard}
          onOpen={may ? (r) => !r.built_in && onOpen(r) : undefined}
          empty={<EmptyState icon={IconSitemap} title="No relation" hint="Add one." />}
        />
      )}
    </Loaded>
  );
}

function EditRelation({ old, onClose }: { old: RelationType | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const name = z
    .string()
    .check(z.regex(/^[a-z][a-z0-9_]{0,49}$/, 'Use small letters, digits and _; begin with a letter.'));
  const again = () => client.invalidateQueries({ queryKey: ['relation-types'] });
  const form = useForm({
    schema: z.object({ name, inverse: name, title: z.string(), inverse_title: z.string(), carries: z.string() }),
    initial: {
      name: old?.name ?? '',
      inverse: old?.inverse ?? '',
      title: old?.title ?? '',
      inverse_title: old?.inverse_title ?? '',
      carries: (old?.carries ?? 'none') as string,
    },
    submit: ({ name, ...body }) =>
      call(http.PUT('/api/v1/relation-types/{type}', { params: { path: { type: name } }, body: body as never })),
    done: async (r) => {
      await again();
      done(`The relation ${r.name} was saved.`);
      onClose();
    },
  });
  return (
    <Form form={form} label="Relation">
      <Row>
        <TextInput label="Name" withAsterisk disabled={!!old} placeholder="backs_up" {...form.field('name')} />
        <TextInput label="In a sentence" placeholder="backs up" {...form.field('title')} />
      </Row>
      <Row>
        <TextInput
          label="Name from the other side"
          withAsterisk
          placeholder="backed_up_by"
          {...form.field('inverse')}
        />
        <TextInput label="In a sentence" placeholder="is backed up by" {...form.field('inverse_title')} />
      </Row>
      <Select
        label="How a failure travels, when a has this relation to b"
        allowDeselect={false}
        data={[
          { value: 'none', label: 'It does not' },
          { value: 'to_source', label: 'If b stops, a is affected' },
          { value: 'to_target', label: 'If a stops, b is affected' },
        ]}
        {...form.field('carries')}
      />
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {old ? (
          <Button
            variant="default"
            onClick={() =>
              call(http.DELETE('/api/v1/relation-types/{type}', { params: { path: { type: old.name } } })).then(
                async () => {
                  await again();
                  done(`The relation ${old.name} was removed.`);
                  onClose();
                },
                (e) => failed('The relation', e),
              )
            }
          >
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

function Sources({ may }: { may: boolean }) {
  const query = useQuery({
    queryKey: ['item-settings'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/item-settings', { signal })),
  });
  return (
    <PageBody width="form">
      <Loaded query={query} what="The order of sources">
        {(v) => <Order may={may} order={v.precedence ?? []} />}
      </Loaded>
    </PageBody>
  );
}

function Order({ order, may }: { order: string[]; may: boolean }) {
  const client = useQueryClient();
  const form = useForm({
    schema: z.object({ precedence: z.array(z.string()) }),
    initial: { precedence: order },
    submit: (v) => call(http.PUT('/api/v1/item-settings', { body: v })),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['item-settings'] });
      await client.invalidateQueries({ queryKey: ['item'] });
      done('The order of sources was saved.');
    },
  });
  return (
    <Form form={form} label="Order of sources">
      <TagsInput
        label="When sources disagree, the first of these wins"
        description="What a person typed comes first unless manual is in the list. Sources that are not in it come after; among them the latest change wins. A kind or an attribute can have an order of its own."
        placeholder="agent, snmp, discovery"
        disabled={!may}
        {...form.field('precedence')}
      />
      {may && <FormActions action="Save" pending={form.pending} />}
    </Form>
  );
}
