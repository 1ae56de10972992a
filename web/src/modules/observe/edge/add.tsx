import { Alert, Button, Modal, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useTeams } from '@/lib/names';
import { useLive } from '@/lib/stream';
import { CopyButton } from '@/ui/CopyButton';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import classes from './edge.module.css';
import { installLine, isLocal } from './model';
import { createToken, endpointQuery } from './queries';

const schema = z.object({ name: z.string(), expires: z.string(), team: z.string() });

const EXPIRES = [
  { value: '1h', label: '1 hour' },
  { value: '24h', label: '1 day' },
  { value: '168h', label: '1 week' },
];

/** The way to a new edge: a token, then the line to copy, then who has come. */
export function AddEdge({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add an edge" size={640}>
      {opened && <Steps onClose={onClose} />}
    </Modal>
  );
}

function Steps({ onClose }: { onClose: () => void }) {
  const [line, setLine] = useState<string>();
  const endpoint = useQuery(endpointQuery);
  const client = useQueryClient();
  const teams = useTeams();
  const form = useForm({
    schema,
    initial: { name: '', expires: '24h', team: '' },
    submit: (v) =>
      createToken({ name: 'Add an edge', kind: 'edge', max_uses: 1, expires: v.expires, team: v.team || undefined }),
    done: (r, v) => {
      setLine(installLine(endpoint.data?.url ?? location.origin, r.token, v.name));
      void client.invalidateQueries({ queryKey: ['agent-tokens'] });
    },
  });
  const e = endpoint.data;
  if (e && (e.off || e.problem))
    return (
      <Alert color="yellow" title="Edges cannot connect">
        {e.problem ?? 'The port for edges is off on this server. Set edges.listen and start the server again.'}
      </Alert>
    );
  if (line) return <Line line={line} onClose={onClose} />;
  return (
    <Form form={form} label="Add an edge">
      {e && isLocal(e.url) && (
        <Alert color="yellow" title="Other machines cannot reach this server">
          Its address is {e.url}. Set listen and public_url first, except for this machine itself.
        </Alert>
      )}
      <TextInput
        label="Name"
        description="What checks say in from. Empty is the name of the machine."
        placeholder="branch"
        {...form.field('name')}
      />
      <Row>
        <Select label="The line works for" data={EXPIRES} allowDeselect={false} {...form.field('expires')} />
        <Select
          label="Owner"
          placeholder="No team"
          clearable
          data={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
          {...form.field('team')}
        />
      </Row>
      <FormActions action="Show the line" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

function Line({ line, onClose }: { line: string; onClose: () => void }) {
  const [came, setCame] = useState<string[]>([]);
  useLive('edges', (n) => {
    if (n.kind === 'changed' && n.id) setCame((c) => (c.includes(n.id) ? c : [...c, n.id]));
  });
  return (
    <>
      <p className={classes.lead}>Run this on a Linux machine of that network. It is shown only now.</p>
      <div className={classes.line}>
        <code>{line}</code>
        <CopyButton value={line} label="Copy the line" />
      </div>
      <p className="muted" role="status">
        {came.length
          ? `Heard of: ${came.join(', ')}`
          : 'It downloads the program from this server, enrolls the machine and runs the edge as the service mainstay-edge, with a user of its own. It needs systemd.'}
      </p>
      <div className={classes.end}>
        <Button onClick={onClose}>Done</Button>
      </div>
    </>
  );
}
