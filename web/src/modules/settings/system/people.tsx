import { Button, Modal, PasswordInput, Select, Switch, TextInput } from '@mantine/core';
import { IconPlus, IconUsers } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useCan } from '@/lib/permissions';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';

export const Route = createLazyRoute('/settings/people')({ component: Page });

type Person = Schemas['Account'];
const ROLES = [
  { value: 'viewer', label: 'Viewer: sees everything' },
  { value: 'responder', label: 'Responder: works on incidents' },
  { value: 'operator', label: 'Operator: changes checks and items' },
  { value: 'admin', label: 'Administrator: everything' },
];
const roleName = (r: string) => ROLES.find((x) => x.value === r)?.label.split(':')[0] ?? r;
const COLUMNS: Column<Person>[] = [
  { id: 'name', label: 'Name', min: 160, main: true, render: (r) => r.name },
  { id: 'email', label: 'E-mail', min: 200, render: (r) => <span>{r.email}</span> },
  { id: 'role', label: 'Role', width: 120, render: (r) => roleName(r.role) },
  {
    id: 'state',
    label: 'State',
    width: 110,
    render: (r) => (r.disabled ? <Pill tone="unknown">Disabled</Pill> : <Pill tone="ok">Active</Pill>),
  },
  {
    id: 'zone',
    label: 'Time zone',
    width: 140,
    render: (r) => <span>{r.time_zone || <span className="muted">–</span>}</span>,
  },
  { id: 'since', label: 'Added', width: 110, right: true, render: (r) => <Time at={r.created_at} /> },
];
const card = (r: Person) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{r.disabled ? 'Disabled' : roleName(r.role)}</span>
    <span>{r.email}</span>
    <span />
  </>
);
const idOf = (r: Person) => r.id;
const faded = (r: Person) => r.disabled;
const NONE: Person[] = [];

function Page() {
  const query = useQuery({
    queryKey: ['people'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/people', { signal })),
  });
  const may = useCan()('account.write');
  const [open, setOpen] = useState<Person | 'new'>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const close = () => setOpen(undefined);
  return (
    <>
      <PageHead title="People">
        {query.data && <RowCount rows={rows} one="person" many="people" />}
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
            Add a person
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The people">
        {() => (
          <DataGrid
            label="People"
            columns={COLUMNS}
            rows={rows}
            card={card}
            faded={faded}
            onOpen={may ? setOpen : undefined}
            empty={
              <EmptyState
                icon={IconUsers}
                title="Nobody"
                hint="People sign in, are on call and are told of incidents."
              />
            }
          />
        )}
      </Loaded>
      <Modal opened={!!open} onClose={close} title={open === 'new' ? 'Add a person' : open?.name} size={460}>
        {open && <Editor person={open === 'new' ? undefined : open} onClose={close} />}
      </Modal>
    </>
  );
}

const schema = z.object({
  name: z.string(),
  email: z.string().check(z.trim(), z.minLength(3, 'Give an e-mail address.')),
  role: z.string(),
  password: z
    .string()
    .check(z.refine((v) => v === '' || (v.length >= 10 && v.length <= 200), 'Use 10 to 200 characters.')),
  time_zone: z.string(),
  active: z.boolean(),
});

function Editor({ person, onClose }: { person: Person | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: {
      name: person?.name ?? '',
      email: person?.email ?? '',
      role: (person?.role ?? 'responder') as string,
      password: '',
      time_zone: person?.time_zone ?? '',
      active: !person?.disabled,
    },
    submit: (v) => {
      const role = v.role as Person['role'];
      return person
        ? call(
            http.PATCH('/api/v1/people/{id}', {
              params: { path: { id: person.id } },
              body: {
                name: v.name,
                role,
                time_zone: v.time_zone,
                disabled: !v.active,
                password: v.password || undefined,
              },
            }),
          )
        : call(
            http.POST('/api/v1/people', {
              body: {
                email: v.email,
                name: v.name || undefined,
                role,
                password: v.password || undefined,
                time_zone: v.time_zone || undefined,
              },
            }),
          );
    },
    done: async (a) => {
      await client.invalidateQueries({ queryKey: ['people'] });
      done(person ? `${a.name} saved.` : `${a.name} added.`);
      onClose();
    },
  });
  return (
    <Form form={form} label="Person">
      <TextInput
        label="E-mail"
        withAsterisk
        type="email"
        disabled={!!person}
        data-autofocus={!person || undefined}
        {...form.field('email')}
      />
      <TextInput label="Name" placeholder="From the address" {...form.field('name')} />
      <Select label="Role" data={ROLES} allowDeselect={false} {...form.field('role')} />
      <Select
        label="Time zone"
        placeholder="None"
        searchable
        clearable
        data={Intl.supportedValuesOf('timeZone')}
        {...form.field('time_zone')}
      />
      <PasswordInput
        label={person ? 'New password' : 'Password'}
        description={
          person
            ? 'Left empty, the present one stays.'
            : 'Left empty, the person cannot sign in, but can be told things.'
        }
        autoComplete="new-password"
        {...form.field('password')}
      />
      {person && (
        <Link to="/settings/contacts" search={{ person: person.id } as never}>
          How {person.name} is told
        </Link>
      )}
      {person && <Switch label="May sign in and be on call" {...form.check('active')} />}
      <FormActions action={person ? 'Save' : 'Add'} pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
