import { Modal, Select, TagsInput, Textarea } from '@mantine/core';
import { useState } from 'react';
import { z } from 'zod/mini';
import { usePeople, useTeams } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { useSession } from '@/lib/session';
import { Form, FormActions, useForm } from '@/ui/form';
import { SideSection } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { PriorityMark } from '@/ui/SevMark';
import { Tag } from '@/ui/StatusMark';
import classes from '../incident.module.css';
import { type Detail, LEVELS } from '../model';
import type { Patch } from '../queries';

const LEVEL_DATA = Object.entries(LEVELS).map(([value, label]) => ({ value, label }));
const PRIORITY_DATA = [1, 2, 3, 4, 5].map((p) => ({ value: String(p), label: `P${p}` }));

/** Who has it and how bad it is; each field is saved when it is changed. */
export function Side({ incident: i, onPatch }: { incident: Detail; onPatch: (p: Patch) => Promise<boolean> }) {
  const may = useCan()('incident.write') && i.state !== 'closed';
  const people = usePeople();
  const teams = useTeams();
  const me = useSession()?.account?.id;
  const [priority, setPriority] = useState<number>();
  const data = people
    .filter((p) => !p.disabled || p.id === i.assignee?.id)
    .map((p) => ({ value: p.id, label: p.id === me ? `${p.name} (you)` : p.name }));
  if (i.assignee && !data.some((d) => d.value === i.assignee?.id))
    data.unshift({ value: i.assignee.id, label: i.assignee.name });
  if (!may)
    return (
      <SideSection title="Details">
        <KeyValue
          rows={[
            ['Assignee', i.assignee?.name ?? 'Nobody'],
            ['Team', i.team ?? 'None'],
            ['Priority', <PriorityMark key="p" priority={i.priority} />],
            ['Impact', LEVELS[i.impact]],
            ['Urgency', LEVELS[i.urgency]],
            ['Labels', i.labels?.length ? i.labels.map((l) => <Tag key={l}>{l}</Tag>) : undefined],
            ['Policy', i.policy],
            ['Escalation', i.escalation],
          ]}
        />
      </SideSection>
    );
  return (
    <>
      <SideSection title="Details">
        <div className={classes.fields}>
          <Select
            label="Assignee"
            placeholder="Nobody"
            searchable
            clearable
            data={data}
            value={i.assignee?.id ?? null}
            onChange={(v) => void onPatch({ assignee: v ?? '' })}
          />
          <Select
            label="Team"
            placeholder="None"
            searchable
            clearable
            data={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
            value={i.team ?? null}
            onChange={(v) => void onPatch({ team: v ?? '' })}
          />
          <div className={classes.two}>
            <Select
              label="Impact"
              data={LEVEL_DATA}
              allowDeselect={false}
              value={String(i.impact)}
              onChange={(v) => void onPatch({ impact: Number(v) })}
            />
            <Select
              label="Urgency"
              data={LEVEL_DATA}
              allowDeselect={false}
              value={String(i.urgency)}
              onChange={(v) => void onPatch({ urgency: Number(v) })}
            />
          </div>
          <Select
            label="Priority"
            description="Follows from impact and urgency. Another one needs a reason."
            data={PRIORITY_DATA}
            allowDeselect={false}
            value={String(i.priority)}
            onChange={(v) => {
              if (Number(v) !== i.priority) setPriority(Number(v));
            }}
          />
          <TagsInput
            label="Labels"
            placeholder={i.labels?.length ? undefined : 'Add a label'}
            value={i.labels ?? []}
            maxTags={50}
            onChange={(labels) => void onPatch({ labels })}
          />
        </div>
      </SideSection>
      <SideSection title="Handling">
        <KeyValue
          rows={[
            ['Policy', i.policy || 'Default'],
            ['Escalation', i.escalation || 'None: nobody is told'],
            ['Acknowledged', i.acknowledged_by && `by ${i.acknowledged_by}`],
          ]}
        />
      </SideSection>
      <Modal
        opened={priority !== undefined}
        onClose={() => setPriority(undefined)}
        title={`Change ${i.number} to P${priority ?? i.priority}`}
        size={420}
      >
        <PriorityReason onClose={() => setPriority(undefined)} run={(reason) => onPatch({ priority, reason })} />
      </Modal>
    </>
  );
}

const schema = z.object({ reason: z.string().check(z.trim(), z.minLength(1, 'Say why.')) });

function PriorityReason({ onClose, run }: { onClose: () => void; run: (reason: string) => Promise<boolean> }) {
  const form = useForm({
    schema,
    initial: { reason: '' },
    submit: (v) => run(v.reason),
    done: (ok) => {
      if (ok) onClose();
    },
  });
  return (
    <Form form={form} label="Priority">
      <Textarea
        label="Reason"
        description="It is written to the timeline."
        withAsterisk
        autosize
        minRows={2}
        maxLength={1000}
        data-autofocus
        {...form.field('reason')}
      />
      <FormActions action="Change priority" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
