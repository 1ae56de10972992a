import { Button, Modal, TagsInput, TextInput } from '@mantine/core';
import { IconPlus, IconUsersGroup } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { done } from '@/ui/toast';

export const Route = createLazyRoute('/settings/teams')({ component: Page });

type Team = Schemas['AccountTeamView'];
const names = (r: Team) => (r.members ?? []).map((m) => m.name).join(', ');
const COLUMNS: Column<Team>[] = [
  { id: 'title', label: 'Team', min: 160, main: true, render: (r) => r.title || r.name },
  { id: 'name', label: 'Name', width: 160, mono: true, render: (r) => <span>{r.name}</span> },
  { id: 'members', label: 'Members', min: 280, render: (r) => <span title={names(r)}>{names(r)}</span> },
  { id: 'count', label: 'Count', width: 72, right: true, render: (r) => r.members?.length ?? 0 },
];
const card = (r: Team) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.title || r.name}</span>
    <span className="muted">{r.members?.length ?? 0}</span>
    <span>{names(r)}</span>
    <span />
  </>
);
const idOf = (r: Team) => r.id;
const NONE: Team[] = [];

function Page() {
  const query = useQuery({ queryKey: ['teams'], queryFn: ({ signal }) => call(http.GET('/api/v1/teams', { signal })) });
  const may = useCan()('account.write');
  const client = useQueryClient();
  const [open, setOpen] = useState<Team | 'new'>();
  const [removing, setRemoving] = useState<Team>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const close = () => setOpen(undefined);
  return (
    <>
      <PageHead title="Teams">
        {query.data && <RowCount rows={rows} one="team" many="teams" />}
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
            Add a team
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The teams">
        {() => (
          <DataGrid
            label="Teams"
            columns={COLUMNS}
            rows={rows}
            card={card}
            onOpen={may ? setOpen : undefined}
            empty={<EmptyState icon={IconUsersGroup} title="No team" hint="Teams own items and incidents." />}
          />
        )}
      </Loaded>
      <Modal
        opened={!!open}
        onClose={close}
        title={open === 'new' ? 'Add a team' : open?.title || open?.name}
        size={460}
      >
        {open && (
          <Editor
            team={open === 'new' ? undefined : open}
            onClose={close}
            onRemove={(t) => {
              close();
              setRemoving(t);
            }}
          />
        )}
      </Modal>
      <ConfirmDialog
        opened={!!removing}
        onClose={() => setRemoving(undefined)}
        title={`Remove team ${removing?.name ?? ''}?`}
        action="Remove"
        run={async () => {
          await call(http.DELETE('/api/v1/teams/{name}', { params: { path: { name: removing?.name ?? '' } } }));
          await client.invalidateQueries({ queryKey: ['teams'] });
          done('The team is removed.');
        }}
      >
        What it owns stays, without an owner. Its members stay too.
      </ConfirmDialog>
    </>
  );
}

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  title: z.string(),
  members: z.array(z.string()),
});

function Editor({
  team,
  onClose,
  onRemove,
}: {
  team: Team | undefined;
  onClose: () => void;
  onRemove: (t: Team) => void;
}) {
  const client = useQueryClient();
  const people = useQuery({
    queryKey: ['people'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/people', { signal })),
  });
  const form = useForm({
    schema,
    initial: {
      name: team?.name ?? '',
      title: team?.title ?? '',
      members: (team?.members ?? []).map((m) => m.email),
    },
    submit: (v) =>
      call(
        http.PUT('/api/v1/teams/{name}', {
          params: { path: { name: v.name } },
          body: { title: v.title || undefined, members: v.members },
        }),
      ),
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['teams'] });
      done(`Team ${v.name} saved.`);
      onClose();
    },
  });
  return (
    <Form form={form} label="Team">
      <TextInput label="Name" withAsterisk disabled={!!team} placeholder="platform" {...form.field('name')} />
      <TextInput label="Title" placeholder="Platform" {...form.field('title')} />
      <TagsInput
        label="Members"
        description="E-mail addresses. Unknown ones become people who can be told things."
        data={(people.data?.items ?? []).map((p) => p.email)}
        {...form.field('members')}
      />
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {team ? (
          <Button variant="default" onClick={() => onRemove(team)}>
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
