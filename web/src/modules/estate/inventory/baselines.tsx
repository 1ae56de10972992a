import { Button, Modal, Select, Textarea, TextInput } from '@mantine/core';
import { IconCamera, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { z } from 'zod/mini';
import { integer } from '@/lib/format';
import { useTeams } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { type Baseline, baselinesQuery, makeBaseline, scope } from './kept-queries';
import { kindChoices, useKinds } from './queries';

export const Route = createLazyRoute('/estate/baselines')({ component: Page });

const url = (name: string) => `/estate/baselines/${encodeURIComponent(name)}` as string;
const NONE: never[] = [];
const COLUMNS: Column<Baseline>[] = [
  {
    id: 'name',
    label: 'Baseline',
    min: 180,
    main: true,
    render: (b) => (
      <Link to={url(b.name)} style={{ color: 'inherit' }} tabIndex={-1}>
        {b.name}
      </Link>
    ),
  },
  { id: 'description', label: 'Why', min: 200, render: (b) => b.description },
  { id: 'scope', label: 'What it holds', min: 180, render: (b) => scope(b.filter) },
  { id: 'items', label: 'Items', width: 90, right: true, render: (b) => integer(b.items) },
  { id: 'actor', label: 'Made by', min: 130, render: (b) => b.actor },
  { id: 'at', label: 'Moment', width: 110, right: true, render: (b) => <Time at={b.at} /> },
];
const card = (b: Baseline) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{b.name}</span>
    <Time at={b.at} />
    <span className="muted">{scope(b.filter)}</span>
    <span className="muted">{b.items === 1 ? '1 item' : `${integer(b.items)} items`}</span>
  </>
);
const idOf = (b: Baseline) => b.name;

function Page() {
  const [s, set] = useUrlState<{ add?: boolean }>();
  const may = useCan()('item.write');
  const navigate = useNavigate();
  const query = useQuery(baselinesQuery);
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const add = (
    <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: true })}>
      Make a baseline
    </Button>
  );
  return (
    <>
      <PageHead title="Baselines" parent={{ label: 'Items', to: '/estate/items' }}>
        <Spacer />
        {may && add}
      </PageHead>
      <Loaded query={query} what="The baselines">
        {() => (
          <DataGrid
            label="Baselines"
            columns={COLUMNS}
            rows={rows}
            card={card}
            onOpen={(b) => void navigate({ to: url(b.name) })}
            empty={
              <EmptyState
                icon={IconCamera}
                title="No moment is kept yet"
                hint="A baseline keeps how items are now. Later it says what has changed since: after a move, an upgrade, an audit."
              >
                {may && add}
              </EmptyState>
            }
          />
        )}
      </Loaded>
      <Modal opened={!!s.add && may} onClose={() => set({ add: undefined })} title="Make a baseline" size={520}>
        <New onClose={() => set({ add: undefined })} />
      </Modal>
    </>
  );
}

function New({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const kinds = useKinds().data?.items ?? [];
  const teams = useTeams();
  const form = useForm({
    schema: z.object({
      name: z.string().check(z.trim(), z.minLength(1, 'Give it a name.')),
      description: z.string(),
      kind: z.nullable(z.string()),
      owner: z.nullable(z.string()),
      label: z.string(),
    }),
    initial: { name: '', description: '', kind: null as string | null, owner: null as string | null, label: '' },
    submit: (v) =>
      makeBaseline({
        name: v.name,
        description: v.description || undefined,
        filter: { kind: v.kind ?? undefined, owner: v.owner ?? undefined, label: v.label.trim() || undefined },
      }),
    done: async (b) => {
      await client.invalidateQueries({ queryKey: ['item-baselines'] });
      await navigate({ to: url(b.name) });
    },
  });
  return (
    <Form form={form} label="Baseline">
      <TextInput label="Name" withAsterisk placeholder="before the move" data-autofocus {...form.field('name')} />
      <Textarea label="Why" autosize minRows={2} {...form.field('description')} />
      <Row>
        <Select
          label="Only the kind"
          placeholder="All kinds"
          clearable
          searchable
          data={kindChoices(kinds)}
          {...form.field('kind')}
        />
        <Select
          label="Only the owner"
          placeholder="All teams"
          clearable
          searchable
          data={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
          {...form.field('owner')}
        />
      </Row>
      <TextInput label="Only with the label" placeholder="env=prod" {...form.field('label')} />
      <FormActions action="Make the baseline" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
