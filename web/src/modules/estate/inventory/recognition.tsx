import { Button, Modal, MultiSelect, Select } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { done, failed } from '@/ui/toast';
import { type MatchRule, matchRulesQuery, resetMatchRule, setMatchRule } from './kept-queries';
import { kindTitle } from './list';
import { kindChoices, useKinds } from './queries';

const KEYS = [
  { value: 'cloud_id', label: 'Cloud id' },
  { value: 'system_uuid', label: 'System UUID' },
  { value: 'serial', label: 'Serial number' },
  { value: 'machine_id', label: 'Machine id' },
  { value: 'asset_tag', label: 'Asset tag' },
  { value: 'fqdn', label: 'Full name (FQDN)' },
  { value: 'mac', label: 'MAC address' },
];
const words = (keys: readonly string[]) =>
  keys.map((k) => KEYS.find((x) => x.value === k)?.label ?? k).join(', ') || 'none';
const title = (kind: string) => (kind === 'default' ? 'All other kinds' : kindTitle(kind));

/** By which keys what several sources see is taken for one item. */
export function Recognition({ may }: { may: boolean }) {
  const query = useQuery(matchRulesQuery);
  const client = useQueryClient();
  const [open, setOpen] = useState<MatchRule | 'new'>();
  const again = () => client.invalidateQueries({ queryKey: ['match-rules'] });
  return (
    <PageBody label="Recognition">
      <Panel
        title="By which keys an item is recognized"
        flush
        tools={
          may && (
            <Button size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => setOpen('new')}>
              Rule for a kind
            </Button>
          )
        }
      >
        <Loaded query={query} what="The rules" small rows={3}>
          {(list) => (
            <table className="plain">
              <thead>
                <tr>
                  <th>Kind</th>
                  <th>One of these decides alone</th>
                  <th>One of these decides if nothing contradicts</th>
                  <td style={{ width: 150 }} />
                </tr>
              </thead>
              <tbody>
                {list.items.map((r) => (
                  <tr key={r.kind}>
                    <td>{title(r.kind)}</td>
                    <td>{words(r.strong)}</td>
                    <td>{words(r.weak)}</td>
                    <td style={{ textAlign: 'right', whiteSpace: 'nowrap' }}>
                      {may && (
                        <>
                          <Button size="compact-xs" variant="default" onClick={() => setOpen(r)}>
                            Change
                          </Button>{' '}
                          <Button
                            size="compact-xs"
                            variant="default"
                            onClick={() =>
                              resetMatchRule(r.kind).then(
                                async () => {
                                  await again();
                                  done(`The rule for ${title(r.kind).toLowerCase()} is the built-in one again.`);
                                },
                                (e) => failed('The rule', e),
                              )
                            }
                          >
                            Reset
                          </Button>
                        </>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Loaded>
      </Panel>
      <p className="muted" style={{ maxWidth: 640 }}>
        What agents, discovery, SNMP and imports see becomes one item when they share a key. Pairs that stay doubtful
        wait in Inventory health, Doubtful matches.
      </p>
      <Modal
        opened={!!open}
        onClose={() => setOpen(undefined)}
        title={open === 'new' ? 'Rule for a kind' : `How ${title(open?.kind ?? '').toLowerCase()} are recognized`}
        size={520}
      >
        {open && <Edit old={open === 'new' ? undefined : open} onClose={() => setOpen(undefined)} again={again} />}
      </Modal>
    </PageBody>
  );
}

function Edit({
  old,
  onClose,
  again,
}: {
  old: MatchRule | undefined;
  onClose: () => void;
  again: () => Promise<void>;
}) {
  const kinds = useKinds().data?.items ?? [];
  const form = useForm({
    schema: z.object({
      kind: z.string().check(z.minLength(1, 'Choose a kind.')),
      strong: z.array(z.string()),
      weak: z.array(z.string()),
    }),
    initial: {
      kind: old?.kind ?? '',
      strong: old?.strong ?? ['cloud_id', 'system_uuid', 'serial', 'machine_id'],
      weak: old?.weak ?? ['asset_tag', 'fqdn', 'mac'],
    },
    submit: ({ kind, ...body }) => setMatchRule(kind, body),
    done: async () => {
      await again();
      done('The rule was saved. It counts for what is seen from now on.');
      onClose();
    },
  });
  return (
    <Form form={form} label="Rule">
      {!old && (
        <Select
          label="Kind"
          withAsterisk
          searchable
          data={[{ value: 'default', label: 'All other kinds' }, ...kindChoices(kinds)]}
          {...form.field('kind')}
        />
      )}
      <MultiSelect
        label="Decides alone"
        description="The best first. Two things that share one of these are one, under any name."
        data={KEYS}
        {...form.field('strong')}
      />
      <MultiSelect label="Decides if nothing contradicts" data={KEYS} {...form.field('weak')} />
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
