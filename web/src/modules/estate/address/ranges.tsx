import { ActionIcon, Button, Modal, Select, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useCan } from '@/lib/permissions';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Panel } from '@/ui/Panel';
import { done, failed } from '@/ui/toast';
import classes from './address.module.css';
import type { PrefixDetail } from './model';
import { addRange, deleteRange } from './queries';

/** Stretches of a prefix that are not given out by hand. */
export function Ranges({ prefix: p, onDone }: { prefix: PrefixDetail; onDone: () => void }) {
  const can = useCan()('address.write');
  const [adding, setAdding] = useState(false);
  const list = p.ranges ?? [];
  if (!list.length && !can) return null;
  const remove = (id: string) =>
    deleteRange(p.id, id)
      .then(() => {
        done('Range removed.');
        onDone();
      })
      .catch((e: unknown) => failed('The range was not removed', e));
  return (
    <Panel
      title="Ranges"
      tools={
        can && (
          <Button variant="default" leftSection={<IconPlus size={13} />} onClick={() => setAdding(true)}>
            Add a range
          </Button>
        )
      }
    >
      {list.length ? (
        <table className={classes.ranges}>
          <tbody>
            {list.map((r) => (
              <tr key={r.id}>
                <td className="mono">
                  {r.first} – {r.last}
                </td>
                <td>{r.purpose === 'dhcp' ? 'DHCP' : 'Reserved'}</td>
                <td className="muted">{r.description}</td>
                <td style={{ textAlign: 'right' }}>
                  {can && (
                    <ActionIcon aria-label={`Remove the range from ${r.first}`} onClick={() => void remove(r.id)}>
                      <IconX size={14} />
                    </ActionIcon>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <span className="muted">None. A range keeps a stretch for a DHCP server, or in reserve.</span>
      )}
      <Modal opened={adding} onClose={() => setAdding(false)} title={`Add a range to ${p.prefix}`} size={480}>
        <RangeForm prefix={p} onClose={() => setAdding(false)} onDone={onDone} />
      </Modal>
    </Panel>
  );
}

const schema = z.object({
  first: z.string().check(z.trim(), z.minLength(1, 'Give the first address.')),
  last: z.string().check(z.trim(), z.minLength(1, 'Give the last address.')),
  purpose: z.string(),
  description: z.string(),
});

function RangeForm({ prefix: p, onClose, onDone }: { prefix: PrefixDetail; onClose: () => void; onDone: () => void }) {
  const form = useForm({
    schema,
    initial: { first: '', last: '', purpose: 'dhcp', description: '' },
    submit: (v) => addRange(p.id, { ...v, purpose: v.purpose as 'dhcp' | 'reserved' }),
    done: () => {
      done('Range added.');
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Range">
      <Row>
        <TextInput label="First address" withAsterisk data-autofocus {...form.field('first')} />
        <TextInput label="Last address" withAsterisk {...form.field('last')} />
      </Row>
      <Select
        label="For"
        allowDeselect={false}
        data={[
          { value: 'dhcp', label: 'DHCP' },
          { value: 'reserved', label: 'Reserve' },
        ]}
        {...form.field('purpose')}
      />
      <TextInput label="Description" {...form.field('description')} />
      <FormActions action="Add" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
