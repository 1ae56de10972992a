import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { IconAdjustments } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import { z } from 'zod/mini';
import { integer } from '@/lib/format';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import classes from './edge.module.css';
import { PORTS, receiveOf, receiveText } from './model';
import { type Edge, edgeQuery, setReceive } from './queries';

/** What the edge takes from senders of its site: its ports, and who may send. */
export function Receives({ edge: e, may }: { edge: Edge; may: boolean }) {
  const [open, setOpen] = useState(false);
  const wanted = Object.keys(e.receive.listen ?? {});
  return (
    <Panel
      title="What it receives"
      flush={wanted.length > 0}
      tools={
        may && e.state !== 'revoked' ? (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconAdjustments size={14} />}
            onClick={() => setOpen(true)}
          >
            Change
          </Button>
        ) : undefined
      }
    >
      {wanted.length ? (
        <table className="plain">
          <thead>
            <tr>
              <th>Port</th>
              <th>Address</th>
              <th>State</th>
              <th className="wide">Datagrams</th>
            </tr>
          </thead>
          <tbody>
            {PORTS.filter((p) => e.receive.listen?.[p.name]).map((p) => {
              const now = e.ports.find((x) => x.name === p.name);
              return (
                <tr key={p.name}>
                  <td>{p.title}</td>
                  <td className="mono">{e.receive.listen?.[p.name]}</td>
                  <td>
                    {!now ? (
                      <span className="muted">not heard of yet</span>
                    ) : now.problem ? (
                      <span className={classes.problem}>
                        <Pill tone="warn">closed</Pill> {now.problem}
                      </span>
                    ) : (
                      <Pill tone="ok">open</Pill>
                    )}
                  </td>
                  <td className="wide">
                    {now && (
                      <span className="muted">
                        {integer(now.taken)} taken
                        {now.refused > 0 && `, ${integer(now.refused)} from others`}
                        {now.dropped > 0 && `, ${integer(now.dropped)} left out`}
                      </span>
                    )}
                  </td>
                </tr>
              );
            })}
            <tr>
              <td>May send</td>
              <td colSpan={3} className="mono">
                {e.receive.allowed?.length ? e.receive.allowed.join(', ') : 'only the machine itself'}
              </td>
            </tr>
          </tbody>
        </table>
      ) : (
        <span className="muted">
          Nothing. It can take flows and SNMP traps of its site and deliver them to this server.
        </span>
      )}
      <Modal opened={open} onClose={() => setOpen(false)} title={`What ${e.name} receives`} size={560}>
        {open && <ReceiveForm edge={e} onClose={() => setOpen(false)} />}
      </Modal>
    </Panel>
  );
}

const schema = z.object({
  netflow: z.string(),
  ipfix: z.string(),
  sflow: z.string(),
  trap: z.string(),
  allowed: z.string(),
});

function ReceiveForm({ edge: e, onClose }: { edge: Edge; onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: receiveText(e.receive),
    submit: (v) => setReceive(e.name, receiveOf(v)),
    done: (v) => {
      client.setQueryData(edgeQuery(e.name).queryKey, v);
      done(`${e.name} is told, or hears of it when it connects.`);
      onClose();
    },
    mapField: (f) => f.replace(/^listen\./, ''),
  });
  const usual = (p: (typeof PORTS)[number]) => (
    <Fragment key={p.name}>
      <TextInput label={p.title} placeholder={`0.0.0.0:${p.usual}`} {...form.field(p.name)} />
    </Fragment>
  );
  return (
    <Form form={form} label="What the edge receives">
      <FieldGroup title="Ports" hint="Address and port on the machine of the edge. Empty is closed.">
        <Row>{PORTS.slice(0, 2).map(usual)}</Row>
        <Row>{PORTS.slice(2).map(usual)}</Row>
      </FieldGroup>
      <Textarea
        label="Networks that may send"
        description="One on each line. The machine of the edge always may."
        placeholder="10.0.0.0/8"
        autosize
        minRows={2}
        {...form.field('allowed')}
      />
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
