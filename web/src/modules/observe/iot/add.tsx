import { Alert, Button, Modal, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { CopyButton } from '@/ui/CopyButton';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { KeyValue } from '@/ui/Panel';
import classes from './iot.module.css';
import { tryLine } from './model';
import { createClient, gatewayQuery, type Profile } from './queries';

const schema = z.object({ name: z.string().check(z.minLength(1, 'Give it a name.')), profile: z.string() });

const PROFILES = [
  { value: 'generic', label: 'JSON or numbers' },
  { value: 'tasmota', label: 'Tasmota' },
  { value: 'zigbee2mqtt', label: 'Zigbee2MQTT bridge' },
  { value: 'homeassistant', label: 'Home Assistant discovery (ESPHome and others)' },
  { value: 'sparkplug', label: 'Sparkplug B node' },
];

/** Makes credentials and shows them once. */
export function AddDevice({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a sensor or machine" size={640}>
      {opened && <Steps onClose={onClose} />}
    </Modal>
  );
}

function Steps({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<{ name: string; password: string; profile: string }>();
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: { name: '', profile: 'generic' },
    submit: async (v) => ({ ...(await createClient(v.name.trim(), v.profile as Profile)), profile: v.profile }),
    done: (r) => {
      setMade({ name: r.name, password: r.password ?? '', profile: r.profile });
      void client.invalidateQueries({ queryKey: ['iot'] });
    },
  });
  if (made) return <Credentials {...made} onClose={onClose} />;
  return (
    <Form form={form} label="Add a sensor or machine">
      <Row>
        <TextInput label="Name" description="Also its user name, and part of its topics" {...form.field('name')} />
        <Select
          label="It speaks"
          description="Says which topics it may use"
          data={PROFILES}
          allowDeselect={false}
          {...form.field('profile')}
        />
      </Row>
      <FormActions action="Make credentials" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

/** Credentials that are shown this once, with a line to try them. */
export function Credentials({
  name,
  password,
  profile,
  onClose,
}: {
  name: string;
  password: string;
  profile: string;
  onClose: () => void;
}) {
  const gate = useQuery(gatewayQuery);
  const port = gate.data?.ports.find((p) => p.name === 'mqtt' && p.address);
  const number = port?.address?.split(':').at(-1) ?? '1883';
  const line = tryLine(window.location.hostname, number, name, password, profile);
  const off = gate.data && !gate.data.ports.some((p) => p.address);
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 14 }}>
      {off && (
        <Alert color="yellow" title="Devices cannot connect yet">
          The ports are off on this server. Set listen.mqtt or listen.mqtts and start it again.
        </Alert>
      )}
      <Alert color="blue" title="The password is shown this once">
        Copy it into the device now. When it is lost, make a new one.
      </Alert>
      <KeyValue
        rows={[
          ['User name', name],
          [
            'Password',
            <span key="p" style={{ display: 'inline-flex', gap: 6, alignItems: 'center' }}>
              <span className="mono">{password}</span>
              <CopyButton value={password} label="Copy the password" />
            </span>,
          ],
        ]}
      />
      {profile !== 'sparkplug' && (
        <div>
          <div className="muted" style={{ marginBottom: 4 }}>
            Try it from a shell
          </div>
          <div className={classes.line}>
            <pre className="mono">{line}</pre>
            <CopyButton value={line} label="Copy the line" />
          </div>
        </div>
      )}
      <div style={{ display: 'flex', justifyContent: 'flex-end' }}>
        <Button onClick={onClose}>Done</Button>
      </div>
    </div>
  );
}
