import { Alert, Button, Modal, NumberInput, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import type { Schemas } from '@/api/paths';
import { useTeams } from '@/lib/names';
import { useLive } from '@/lib/stream';
import { CopyButton } from '@/ui/CopyButton';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import classes from './agent.module.css';
import { parseLabels } from './model';
import { createToken, endpointQuery } from './queries';

const schema = z.object({
  uses: z.number(),
  expires: z.string(),
  kind: z.string(),
  team: z.string(),
  labels: z.string().check(z.refine((v) => !parseLabels(v).bad, 'Write them as site=north, role=web.')),
});

const EXPIRES = [
  { value: '1h', label: '1 hour' },
  { value: '24h', label: '1 day' },
  { value: '168h', label: '1 week' },
  { value: '720h', label: '30 days' },
];
const KINDS = [
  { value: 'host', label: 'Host' },
  { value: 'virtual_machine', label: 'Virtual machine' },
];

/** The way to a new agent: a token, then the line to copy, then who has come. */
export function AddHost({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a host" size={620}>
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
    initial: { uses: 1, expires: '24h', kind: 'host', team: '', labels: '' },
    submit: (v) =>
      createToken({
        name: 'Add a host',
        max_uses: v.uses,
        expires: v.expires,
        kind: v.kind,
        team: v.team || undefined,
        labels: parseLabels(v.labels).labels,
      }),
    done: (r) => {
      setLine(r.line);
      void client.invalidateQueries({ queryKey: ['agent-tokens'] });
    },
    mapField: (f) => (f === 'max_uses' ? 'uses' : f),
  });
  const e = endpoint.data;
  if (e && !e.agent_url)
    return (
      <Alert color="yellow" title="Agents cannot connect">
        {e.problem ?? 'The port for agents is off on this server. Set agents.listen and start the server again.'}
      </Alert>
    );
  if (line) return <Line line={line} endpoint={e} onClose={onClose} />;
  return (
    <Form form={form} label="Add a host">
      {e && isLocal(e.url) && (
        <Alert color="yellow" title="Other machines cannot reach this server">
          Its address is {e.url}. Set listen and public_url first, except for this machine itself.
        </Alert>
      )}
      <Row>
        <NumberInput label="How many hosts" min={1} max={100000} {...form.field('uses')} />
        <Select label="The line works for" data={EXPIRES} allowDeselect={false} {...form.field('expires')} />
      </Row>
      <Row>
        <Select label="Kind" data={KINDS} allowDeselect={false} {...form.field('kind')} />
        <Select
          label="Owner"
          placeholder="No team"
          clearable
          data={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
          {...form.field('team')}
        />
      </Row>
      <TextInput label="Labels" placeholder="site=north, role=web" {...form.field('labels')} />
      <FormActions action="Show the line" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

const isLocal = (url: string) => /^https?:\/\/(127\.|localhost|\[::1\])/.test(url);

type Endpoint = Schemas['AgentEndpointInfo'];

/** What is run where the line for Linux does not work. */
function OtherSystems({ line, endpoint: e }: { line: string; endpoint: Endpoint }) {
  const token = /[?&]token=([A-Za-z0-9_-]+)/.exec(line)?.[1] ?? 'TOKEN';
  const others = (e.programs ?? []).filter((p) => !p.platform.startsWith('linux-'));
  const folders = (e.folders ?? []).join(' or ');
  return (
    <details className={classes.others}>
      <summary>Windows and macOS</summary>
      {others.length === 0 && (
        <p className="muted">
          This server has no program for them. Build them with make dist and put the files, such as
          mainstay-windows-amd64.exe, into {folders}.
        </p>
      )}
      {others.map((p) => {
        const windows = p.platform.startsWith('windows-');
        const file = windows ? 'mainstay.exe' : 'mainstay';
        const run = windows ? '.\\mainstay.exe' : './mainstay';
        const load = `curl${windows ? '.exe' : ''} -fsS -o ${file} ${e.url}/agent/download/${p.platform}`;
        const parts = [load, ...(windows ? [] : [`chmod +x ${file}`])];
        parts.push(`${run} agent enroll --url ${e.url} --token ${token}`, `${run} agent run`);
        const text = parts.join(windows ? '; ' : ' && ');
        return (
          <div key={p.platform}>
            <p className="muted">{p.platform}: it runs as long as this window is open.</p>
            <div className={classes.line}>
              <code>{text}</code>
              <CopyButton value={text} label={`Copy the line for ${p.platform}`} />
            </div>
          </div>
        );
      })}
    </details>
  );
}

function Line({ line, endpoint, onClose }: { line: string; endpoint?: Endpoint; onClose: () => void }) {
  const [came, setCame] = useState<string[]>([]);
  useLive('agents', (n) => {
    if (n.kind === 'changed' && n.id) setCame((c) => (c.includes(n.id) ? c : [...c, n.id]));
  });
  return (
    <>
      <p className={classes.lead}>Run this on the host. It is shown only now.</p>
      <div className={classes.line}>
        <code>{line}</code>
        <CopyButton value={line} label="Copy the line" />
      </div>
      {endpoint && <OtherSystems line={line} endpoint={endpoint} />}
      <p className="muted" role="status">
        {came.length
          ? `Heard of: ${came.join(', ')}`
          : 'It downloads the program from this server, enrolls the host and installs a service. The host appears here by itself.'}
      </p>
      <div className={classes.end}>
        <Button onClick={onClose}>Done</Button>
      </div>
    </>
  );
}
