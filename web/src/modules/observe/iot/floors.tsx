import { Button, Modal, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { addRoom, floorsQuery } from './queries';

const schema = z.object({
  building: z.string().check(z.minLength(1, 'Name the building.')),
  floor: z.string(),
  room: z.string().check(z.minLength(1, 'Name the room.')),
});

export const floorName = (f: { building: string; name: string }) =>
  [f.building || 'No building', f.name || 'all rooms'].join(', ');

/** Floors with rooms. */
export function Floors() {
  const query = useQuery(floorsQuery);
  const may = useCan()('iot.write');
  const [open, setOpen] = useState(false);
  const add = may && (
    <Button size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => setOpen(true)}>
      Add a room
    </Button>
  );
  return (
    <PageBody label="Floors of buildings">
      <Loaded query={query} what="The floors">
        {(list) =>
          list.items?.length ? (
            <Panel title="Floors" tools={add} flush>
              <table className="plain">
                <thead>
                  <tr>
                    <th>Floor</th>
                    <th>Rooms</th>
                    <th>Plan</th>
                  </tr>
                </thead>
                <tbody>
                  {list.items.map((f) => (
                    <tr key={f.id}>
                      <td>
                        <Link to={`/observe/iot/floors/${f.id}` as string}>{floorName(f)}</Link>
                      </td>
                      <td className="num">{integer(f.rooms)}</td>
                      <td>{f.plan ? 'image' : 'grid'}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Panel>
          ) : (
            <EmptyState
              title="There are no rooms yet"
              hint="Add a room, or let a mapping with {building} and {room} make them."
            >
              {add}
            </EmptyState>
          )
        }
      </Loaded>
      <Modal opened={open} onClose={() => setOpen(false)} title="Add a room" size={560}>
        {open && <AddRoom onClose={() => setOpen(false)} />}
      </Modal>
    </PageBody>
  );
}

function AddRoom({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const form = useForm({
    schema,
    initial: { building: '', floor: '', room: '' },
    submit: (v) => addRoom(v.building, v.floor, v.room),
    done: (r) => {
      void cache.invalidateQueries({ queryKey: ['iot'] });
      onClose();
      void navigate({ to: `/observe/iot/floors/${r.floor_id}` as string });
    },
  });
  return (
    <Form form={form} label="Add a room">
      <Row>
        <TextInput label="Building" {...form.field('building')} />
        <TextInput label="Floor" description="May be empty" {...form.field('floor')} />
      </Row>
      <TextInput label="Room" {...form.field('room')} />
      <FormActions action="Add" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
