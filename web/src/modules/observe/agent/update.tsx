import { Button, Modal, NumberInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { z } from 'zod/mini';
import { Form, FormActions, useForm } from '@/ui/form';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import { parseLabels } from './model';
import { type Agent, updateAgents } from './queries';

const schema = z.object({
  share: z.number(),
  labels: z.string().check(z.refine((v) => !parseLabels(v).bad, 'Write them as site=north, role=web.')),
});

/** How the program of an agent stands to that of the server; nothing when it is the same. */
export function ProgramMark({ program: p }: { program: Agent['program'] }) {
  switch (p.state) {
    case 'other':
      return <Pill tone="warn">other program</Pill>;
    case 'asked':
      return <Pill>updates</Pill>;
    case 'failed':
      return <Pill tone="down">update failed</Pill>;
  }
  return null;
}

/** Lets many agents become the program of the server, or a share of them first. */
export function UpdateAgents({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Update agents" size={520}>
      {opened && <Ask onClose={onClose} />}
    </Modal>
  );
}

function Ask({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: { share: 10, labels: '' },
    submit: (v) => updateAgents({ share: v.share, labels: v.labels.trim() ? parseLabels(v.labels).labels : undefined }),
    done: async (r) => {
      await client.invalidateQueries({ queryKey: ['agents'] });
      const skipped = Object.keys(r.skipped ?? {}).length;
      done(
        [
          r.asked?.length ? `${r.asked.length} asked to update` : 'No agent to ask',
          r.left ? `${r.left} left` : '',
          skipped ? `${skipped} cannot update themselves` : '',
        ]
          .filter(Boolean)
          .join(', '),
      );
      onClose();
    },
  });
  return (
    <Form form={form} label="Update agents">
      <p className="muted" style={{ margin: 0 }}>
        Agents with another program load that of this server, try it for at most two minutes and go back when it does
        not report. Ask for a share first, look at the list, then ask for the next.
      </p>
      <NumberInput label="Share, in percent" min={1} max={100} {...form.field('share')} />
      <TextInput label="Only with these labels" placeholder="site=north" {...form.field('labels')} />
      <FormActions action="Update" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

/** The button for one agent. */
export function UpdateOne({ agent: a }: { agent: Agent }) {
  const client = useQueryClient();
  if (!a.program.updates || !['other', 'failed'].includes(a.program.state)) return null;
  return (
    <Button
      variant="default"
      onClick={async () => {
        await updateAgents({ agents: [a.name] });
        await client.invalidateQueries({ queryKey: ['agent', a.name] });
        done('The agent loads the program of this server with its next delivery.');
      }}
    >
      Update
    </Button>
  );
}
