import { Button, Modal, Select, TextInput } from '@mantine/core';
import { IconGavel, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useCan } from '@/lib/permissions';
import { apiSpan, showSpan, spanSeconds } from '@/lib/span';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { done } from '@/ui/toast';
import { matchText, type Policy } from './model';

export const Route = createLazyRoute('/settings/policies')({ component: Page });

const COLUMNS: Column<Policy>[] = [
  { id: 'order', label: 'Order', width: 64, right: true, render: (r) => r.order ?? 0 },
  { id: 'name', label: 'Name', min: 140, main: true, render: (r) => r.name },
  { id: 'match', label: 'For', min: 200, render: (r) => <span>{matchText(r.match)}</span> },
  {
    id: 'escalation',
    label: 'Escalation',
    width: 140,
    render: (r) => <span>{r.escalation || <span className="muted">None: nobody is told</span>}</span>,
  },
  {
    id: 'resolve',
    label: 'When recovered',
    width: 170,
    render: (r) => (r.resolve === 'manual' ? 'Resolved by hand' : `Resolved after ${showSpan(r.resolve_after)}`),
  },
  { id: 'close', label: 'Closed after', width: 100, right: true, render: (r) => showSpan(r.close_after) },
];
const card = (r: Policy) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{r.escalation}</span>
    <span>{matchText(r.match)}</span>
    <span />
  </>
);
const idOf = (r: Policy) => r.name;
const NONE: Policy[] = [];

function Page() {
  const query = useQuery({
    queryKey: ['policies'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/policies', { signal })),
  });
  const may = useCan()('policy.write');
  const client = useQueryClient();
  const [open, setOpen] = useState<Policy | 'new'>();
  const [removing, setRemoving] = useState<Policy>();
  const rows = useClientRows(query.data?.items ?? NONE, idOf);
  const close = () => setOpen(undefined);
  return (
    <>
      <PageHead title="Policies">
        {query.data && <RowCount rows={rows} one="policy" many="policies" />}
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
            Add a policy
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The policies">
        {() => (
          <DataGrid
            label="Policies"
            columns={COLUMNS}
            rows={rows}
            card={card}
            onOpen={may ? setOpen : undefined}
            empty={
              <EmptyState
                icon={IconGavel}
                title="No policy"
                hint="A policy says which escalation is told of an incident, and how the incident ends. Without one, nobody is told."
              />
            }
          />
        )}
      </Loaded>
      <Modal opened={!!open} onClose={close} title={open === 'new' ? 'Add a policy' : open?.name} size={560}>
        {open && (
          <Editor
            policy={open === 'new' ? undefined : open}
            onClose={close}
            onRemove={(p) => {
              close();
              setRemoving(p);
            }}
          />
        )}
      </Modal>
      <ConfirmDialog
        opened={!!removing}
        onClose={() => setRemoving(undefined)}
        title={`Remove policy ${removing?.name ?? ''}?`}
        action="Remove"
        run={async () => {
          await call(http.DELETE('/api/v1/policies/{name}', { params: { path: { name: removing?.name ?? '' } } }));
          await client.invalidateQueries({ queryKey: ['policies'] });
          done('The policy is removed.');
        }}
      >
        Open incidents keep what it said.
      </ConfirmDialog>
    </>
  );
}

const span = z.string().check(z.refine((v) => spanSeconds(v) !== undefined, 'Write a length such as 5m or 7d.'));
const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  order: z.union([z.number(), z.string()]),
  match: z.object({
    team: z.string(),
    item: z.string(),
    kind: z.string(),
    check: z.string(),
    severity: z.nullable(z.string()),
  }),
  escalation: z.nullable(z.string()),
  resolve: z.string(),
  restore_for: span,
  resolve_after: span,
  close_after: span,
});

function Editor({
  policy: p,
  onClose,
  onRemove,
}: {
  policy: Policy | undefined;
  onClose: () => void;
  onRemove: (p: Policy) => void;
}) {
  const client = useQueryClient();
  const escalations = useQuery({
    queryKey: ['oncall', 'escalations'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/escalations', { signal })),
  });
  const form = useForm({
    schema,
    initial: {
      name: p?.name ?? '',
      order: (p?.order ?? 0) as number | string,
      match: {
        team: p?.match?.team ?? '',
        item: p?.match?.item ?? '',
        kind: p?.match?.kind ?? '',
        check: p?.match?.check ?? '',
        severity: (p?.match?.severity ?? null) as string | null,
      },
      escalation: (p?.escalation || null) as string | null,
      resolve: (p?.resolve ?? 'auto') as string,
      restore_for: showSpan(p?.restore_for) || '0s',
      resolve_after: showSpan(p?.resolve_after) || '5m',
      close_after: showSpan(p?.close_after) || '7d',
    },
    submit: (v) => {
      const body: Schemas['IncidentPolicy'] = {
        name: v.name,
        order: Number(v.order) || undefined,
        match: {
          // Labels are kept; they are written in ops.yaml.
          labels: p?.match?.labels,
          team: v.match.team || undefined,
          item: v.match.item || undefined,
          kind: v.match.kind || undefined,
          check: v.match.check || undefined,
          severity: (v.match.severity || undefined) as 'critical' | undefined,
        },
        escalation: v.escalation || undefined,
        resolve: v.resolve as 'auto',
        restore_for: apiSpan(v.restore_for),
        resolve_after: apiSpan(v.resolve_after),
        close_after: apiSpan(v.close_after),
      };
      return p
        ? call(http.PUT('/api/v1/policies/{name}', { params: { path: { name: p.name } }, body }))
        : call(http.POST('/api/v1/policies', { body }));
    },
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['policies'] });
      done(`Policy ${v.name} saved.`);
      onClose();
    },
  });
  return (
    <Form form={form} label="Policy">
      <Row>
        <TextInput label="Name" withAsterisk disabled={!!p} placeholder="default" {...form.field('name')} />
        <TextInput type="number" label="Order" description="Lower ones are asked first." {...form.field('order')} />
      </Row>
      <FieldGroup title="For alerts that fit" hint="What is left empty fits all.">
        <Row>
          <TextInput label="Team" {...form.path('match.team')} />
          <TextInput label="Item" {...form.path('match.item')} />
        </Row>
        <Row>
          <TextInput label="Kind of item" {...form.path('match.kind')} />
          <TextInput label="Check" {...form.path('match.check')} />
        </Row>
        <Select
          label="Severity"
          placeholder="All"
          clearable
          data={['critical', 'warning', 'unknown']}
          {...form.path('match.severity')}
        />
      </FieldGroup>
      <Select
        label="Escalation"
        placeholder="None: nobody is told"
        clearable
        data={(escalations.data?.items ?? []).map((e) => e.name)}
        {...form.field('escalation')}
      />
      <Select
        label="When all alerts have cleared"
        allowDeselect={false}
        data={[
          { value: 'auto', label: 'Resolve by itself' },
          { value: 'manual', label: 'Wait for a person' },
        ]}
        {...form.field('resolve')}
      />
      <Row>
        <TextInput label="Restored after" {...form.field('restore_for')} />
        <TextInput label="Resolved after" {...form.field('resolve_after')} />
        <TextInput label="Closed after" {...form.field('close_after')} />
      </Row>
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {p ? (
          <Button variant="default" onClick={() => onRemove(p)}>
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
