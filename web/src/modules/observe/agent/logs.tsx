import { Button, Modal, NumberInput, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconFileText, IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { z } from 'zod/mini';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useClientRows } from '@/ui/rows';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import { filesOf, labelText, parseLabels, readsText } from './model';
import { deleteLogRule, type LogRule, logRulesQuery, putLogRule } from './queries';

export const Route = createLazyRoute('/estate/agent-logs')({ component: Page });

const off = (r: LogRule) => r.enabled === false;
const whom = (r: LogRule) =>
  [...(r.agents ?? []), ...(Object.keys(r.labels ?? {}).length ? [labelText(r.labels)] : [])].join(', ') ||
  'every agent';
const idOf = (r: LogRule) => r.name ?? '';
const COLUMNS: Column<LogRule>[] = [
  { id: 'name', label: 'Rule', min: 160, main: true, render: (r) => r.name },
  { id: 'whom', label: 'For', min: 160, render: whom },
  { id: 'reads', label: 'Reads', min: 260, render: readsText },
  {
    id: 'rate',
    label: 'Lines a second',
    width: 130,
    right: true,
    render: (r) => (r.lines_per_second || 1000).toLocaleString('en-US'),
  },
  { id: 'state', label: 'State', width: 80, render: (r) => (off(r) ? <Pill>off</Pill> : 'on') },
];
const card = (r: LogRule) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    {off(r) ? <Pill>off</Pill> : <span className="muted">on</span>}
    <span className="muted">{readsText(r)}</span>
    <span className="muted">{whom(r)}</span>
  </>
);

function Page() {
  const query = useQuery(logRulesQuery);
  const may = useCan()('agent.write');
  const [open, setOpen] = useState<LogRule | 'new'>();
  const add = (
    <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
      Add a rule
    </Button>
  );
  return (
    <>
      <PageHead title="Logs of agents" parent={{ label: 'Agents', to: '/estate/agents' }}>
        <Spacer />
        {may && add}
      </PageHead>
      <Loaded query={query} what="The rules" rows={6}>
        {(d) => <Grid list={d.items ?? []} onOpen={(r) => may && setOpen(r)} add={may ? add : undefined} />}
      </Loaded>
      <Modal
        opened={!!open}
        onClose={() => setOpen(undefined)}
        title={open === 'new' ? 'Add a rule' : `Rule ${open?.name ?? ''}`}
        size={620}
      >
        {open && <Edit old={open === 'new' ? undefined : open} onClose={() => setOpen(undefined)} />}
      </Modal>
    </>
  );
}

function Grid({ list, onOpen, add }: { list: LogRule[]; onOpen: (r: LogRule) => void; add?: React.ReactNode }) {
  const rows = useClientRows(list, idOf);
  return (
    <DataGrid
      label="Rules for logs"
      columns={COLUMNS}
      rows={rows}
      card={card}
      faded={off}
      onOpen={onOpen}
      empty={
        <EmptyState
          icon={IconFileText}
          title="Agents read no logs yet"
          hint="A rule says which units of the journal and which files are read, on which hosts."
        >
          {add}
        </EmptyState>
      }
    />
  );
}

const schema = z.object({
  name: z
    .string()
    .check(z.regex(/^[a-z0-9][a-z0-9 ._-]{0,63}$/, 'Small letters, digits, spaces, dots, dashes and underscores.')),
  agents: z.array(z.string()),
  labels: z.string().check(z.refine((v) => !parseLabels(v).bad, 'Write them as site=north, role=web.')),
  journal: z.boolean(),
  units: z.array(z.string()),
  files: z.string(),
  begins: z.string(),
  app: z.string(),
  rate: z.number(),
  line: z.number(),
  enabled: z.boolean(),
});

function Edit({ old, onClose }: { old?: LogRule; onClose: () => void }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const first = useMemo(() => old?.files?.[0], [old]);
  const again = () => client.invalidateQueries({ queryKey: logRulesQuery.queryKey });
  const form = useForm({
    schema,
    initial: {
      name: old?.name ?? '',
      agents: old?.agents ?? [],
      labels: labelText(old?.labels),
      journal: old ? !!old.journal : true,
      units: old?.units ?? [],
      files: (old?.files ?? []).map((f) => f.path).join('\n'),
      begins: first?.begins ?? '',
      app: first?.app ?? '',
      rate: old?.lines_per_second || 1000,
      line: old?.max_line_bytes || 32768,
      enabled: old?.enabled !== false,
    },
    submit: (v) =>
      putLogRule(v.name, {
        agents: v.agents.length ? v.agents : undefined,
        labels: v.labels.trim() ? parseLabels(v.labels).labels : undefined,
        journal: v.journal || undefined,
        units: v.journal && v.units.length ? v.units : undefined,
        files: filesOf(v.files, v.begins, v.app, old?.files ?? []),
        lines_per_second: v.rate,
        max_line_bytes: v.line,
        enabled: v.enabled ? undefined : false,
      }),
    done: async (_, v) => {
      await again();
      done(`Agents hear of ${v.name} with their next delivery.`);
      onClose();
    },
    mapField: (f) =>
      f.startsWith('files')
        ? 'files'
        : f.startsWith('units')
          ? 'units'
          : f === 'lines_per_second'
            ? 'rate'
            : f === 'max_line_bytes'
              ? 'line'
              : f,
  });
  return (
    <>
      <Form form={form} label="Rule for logs">
        <TextInput label="Name" placeholder="web servers" readOnly={!!old} {...form.field('name')} />
        <Row>
          <TagsInput label="Hosts" description="Empty: every agent." {...form.field('agents')} />
          <TextInput
            label="Labels"
            description="Those that the agent must have."
            placeholder="role=web"
            {...form.field('labels')}
          />
        </Row>
        <Switch label="The journal of systemd" {...form.check('journal')} />
        <TagsInput
          label="Units"
          description="Only these of the journal; * and ? stand for anything. Empty: all of it."
          placeholder="nginx.service"
          {...form.field('units')}
        />
        <Textarea
          label="Files"
          description="One path in each line; * and ? stand for anything in a name. The host must allow the folder; /var/log is allowed by itself."
          placeholder="/var/log/nginx/*.log"
          autosize
          minRows={2}
          {...form.field('files')}
        />
        <Row>
          <TextInput
            label="Entries of files begin with"
            description="An expression. Empty: lines that begin with white space continue."
            placeholder="^\d{4}-\d{2}-\d{2}"
            {...form.field('begins')}
          />
          <TextInput
            label="Program"
            description="Helps to recognize the format of files."
            placeholder="nginx"
            {...form.field('app')}
          />
        </Row>
        <Row>
          <NumberInput label="Lines a second, of each host" min={1} max={50000} {...form.field('rate')} />
          <NumberInput label="Longest line, in bytes" min={256} max={262144} {...form.field('line')} />
        </Row>
        <Switch label="The rule is on" {...form.check('enabled')} />
        <FormActions action={old ? 'Save' : 'Add'} pending={form.pending} onCancel={onClose} />
      </Form>
      {old && (
        <Button
          variant="subtle"
          color="red"
          size="compact-sm"
          leftSection={<IconTrash size={14} />}
          onClick={() => setAsking(true)}
        >
          Delete the rule
        </Button>
      )}
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete the rule ${old?.name ?? ''}?`}
        action="Delete"
        run={async () => {
          await deleteLogRule(old?.name ?? '');
          await again();
          done('The rule was deleted.');
          onClose();
        }}
      >
        Agents stop to read what no other rule asks for. Lines that were stored stay.
      </ConfirmDialog>
    </>
  );
}
