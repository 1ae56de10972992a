import { Button, Modal, NumberInput } from '@mantine/core';
import { IconClock } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { done } from '@/ui/toast';

const hours = z.number().check(z.minimum(1, 'At least 1 hour.'), z.maximum(87_600, 'At most 87,600 hours.'));

/** When links that nobody sees any more become stale, and when they are removed. */
export function Ageing() {
  const may = useCan()('item.write');
  const [opened, setOpened] = useState(false);
  const query = useQuery({
    queryKey: ['topology-settings'],
    enabled: opened,
    queryFn: ({ signal }) => call(http.GET('/api/v1/topology/settings', { signal })),
  });
  if (!may) return null;
  const close = () => setOpened(false);
  return (
    <>
      <Button
        className="noprint"
        variant="default"
        leftSection={<IconClock size={14} />}
        onClick={() => setOpened(true)}
      >
        Ageing
      </Button>
      <Modal opened={opened} onClose={close} title="How links age" size={460}>
        <Loaded query={query} what="The settings" small rows={3}>
          {(v) => <Edit stale={v.stale_hours} remove={v.remove_hours} onClose={close} />}
        </Loaded>
      </Modal>
    </>
  );
}

function Edit({ stale, remove, onClose }: { stale: number; remove: number; onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({
    schema: z.object({ stale_hours: hours, remove_hours: hours }),
    initial: { stale_hours: stale, remove_hours: remove },
    submit: (body) => call(http.PUT('/api/v1/topology/settings', { body })),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['topology-settings'] });
      await client.invalidateQueries({ queryKey: ['topology'] });
      done('The times were saved.');
      onClose();
    },
  });
  return (
    <Form form={form} label="How links age">
      <Row>
        <NumberInput label="Stale after, hours" min={1} max={87_600} {...form.field('stale_hours')} />
        <NumberInput label="Removed after, hours" min={1} max={87_600} {...form.field('remove_hours')} />
      </Row>
      <p className="muted" style={{ margin: 0 }}>
        Counted from when a source saw the link last. A stale link is drawn with broken lines.
      </p>
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
