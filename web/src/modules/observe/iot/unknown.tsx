import { Button, Modal, TextInput } from '@mantine/core';
import { type UseQueryResult, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useCan } from '@/lib/permissions';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { saveMapping, type unknownQuery } from './queries';

type List = Awaited<
  ReturnType<NonNullable<typeof unknownQuery.queryFn> extends (c: never) => infer R ? () => R : never>
>;
type Topic = NonNullable<List['items']>[number];

const schema = z.object({
  topic: z.string().check(z.minLength(1, 'Give a topic.')),
  device: z.string(),
  unit: z.string(),
});

/** Topics that nothing explains, and what they may mean. */
export function Unknown({ query }: { query: UseQueryResult<List> }) {
  const may = useCan()('iot.write');
  const client = useQueryClient();
  const [open, setOpen] = useState<Topic>();
  const ignore = async (t: Topic) => {
    try {
      await saveMapping(`ignore ${t.topic}`.replace(/[^A-Za-z0-9 ._:@/+-]/g, '-').slice(0, 200), t.topic, '', '', true);
      done(`${t.topic} is left out from now on.`);
      await client.invalidateQueries({ queryKey: ['iot'] });
    } catch (e) {
      failed('The topic was not left out', e);
    }
  };
  return (
    <PageBody label="Unknown topics">
      <Loaded query={query} what="The unknown topics">
        {(list) =>
          list.items?.length ? (
            <Panel title="Topics that nothing explains" flush>
              <table className="plain">
                <thead>
                  <tr>
                    <th>Topic</th>
                    <th>Last message</th>
                    <th>May mean</th>
                    <th style={{ width: 90 }}>Seen</th>
                    {may && <th style={{ width: 150 }}>Actions</th>}
                  </tr>
                </thead>
                <tbody>
                  {list.items.map((t) => (
                    <tr key={t.topic}>
                      <td className="mono" style={{ overflowWrap: 'anywhere' }}>
                        {t.topic}
                      </td>
                      <td className="mono" style={{ overflowWrap: 'anywhere' }}>
                        {t.sample.slice(0, 120)}
                      </td>
                      <td className="mono" style={{ overflowWrap: 'anywhere' }}>
                        {t.suggestion.topic}
                      </td>
                      <td>
                        <Time at={t.last_seen} />
                      </td>
                      {may && (
                        <td>
                          <Button size="compact-sm" variant="default" onClick={() => setOpen(t)}>
                            Map
                          </Button>{' '}
                          <Button size="compact-sm" variant="subtle" onClick={() => void ignore(t)}>
                            Leave out
                          </Button>
                        </td>
                      )}
                    </tr>
                  ))}
                </tbody>
              </table>
            </Panel>
          ) : (
            <EmptyState
              title="Every topic is understood"
              hint="A topic that nothing explains waits here until you say what it means."
            />
          )
        }
      </Loaded>
      <Modal opened={!!open} onClose={() => setOpen(undefined)} title="What the topic means" size={560}>
        {open && <MapForm topic={open} onClose={() => setOpen(undefined)} />}
      </Modal>
    </PageBody>
  );
}

function MapForm({ topic: t, onClose }: { topic: Topic; onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: { topic: t.suggestion.topic, device: '', unit: '' },
    submit: (v) => saveMapping(t.suggestion.name || v.topic.replace(/[{}#+]/g, ''), v.topic, v.device, v.unit, false),
    done: () => {
      done('The topic is understood from its next message on.');
      void client.invalidateQueries({ queryKey: ['iot'] });
      onClose();
    },
  });
  return (
    <Form form={form} label="What the topic means">
      <div className="mono" style={{ overflowWrap: 'anywhere' }}>
        {t.topic}
      </div>
      <TextInput
        label="Topics of the shape"
        description="{building} {floor} {room} {device} {metric}, + for any level"
        {...form.field('topic')}
      />
      <Row>
        <TextInput label="Device" description="When the topic does not name it" {...form.field('device')} />
        <TextInput label="Unit" description="Of plain numbers, such as °F" {...form.field('unit')} />
      </Row>
      <FormActions action="Map" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
