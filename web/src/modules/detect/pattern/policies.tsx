import { ActionIcon, Button, Modal, MultiSelect, Select, Switch, TagsInput, TextInput } from '@mantine/core';
import { IconBellPlus, IconPencil, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { Can } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { SevMark } from '@/ui/SevMark';
import { done } from '@/ui/toast';
import { KINDS, policyText } from './model';
import { type Policy, policiesQuery, putPolicy, removePolicy } from './queries';

/** Which signals become alerts. Without a policy none does. */
export function Policies() {
  const query = useQuery(policiesQuery);
  const client = useQueryClient();
  const [edit, setEdit] = useState<Partial<Policy>>();
  const [gone, setGone] = useState<Policy>();
  const again = () => client.invalidateQueries({ queryKey: policiesQuery.queryKey });
  const add = (
    <Can permission="pattern.write">
      <Button
        leftSection={<IconBellPlus size={14} />}
        onClick={() => setEdit({ name: '', kinds: ['new'], words: 'error|fail|panic', severity: 'warning' })}
      >
        Add a policy
      </Button>
    </Can>
  );
  return (
    <PageBody label="Alerts of log patterns">
      <Loaded query={query} what="The policies" small>
        {(d) =>
          d.items.length === 0 ? (
            <EmptyState
              icon={IconBellPlus}
              title="No signal becomes an alert"
              hint="Signals are listed in any case. A policy makes alerts of those that it fits, for example of new patterns with error, fail or panic."
            >
              {add}
            </EmptyState>
          ) : (
            <Panel title="Signals that become alerts" note="The first policy that fits decides." tools={add} flush>
              <table className="plain">
                <thead>
                  <tr>
                    <th style={{ width: 200 }}>Policy</th>
                    <th>Takes</th>
                    <th style={{ width: 110 }}>Severity</th>
                    <th style={{ width: 80 }} aria-label="Change" />
                  </tr>
                </thead>
                <tbody>
                  {d.items.map((p) => (
                    <tr key={p.name}>
                      <td>
                        {p.name}
                        {p.enabled === false && <span className="muted"> (off)</span>}
                      </td>
                      <td>{policyText(p)}</td>
                      <td>
                        <SevMark severity={p.severity ?? 'warning'} />
                      </td>
                      <td>
                        <Can permission="pattern.write">
                          <div style={{ display: 'flex' }}>
                            <ActionIcon variant="subtle" aria-label={`Change ${p.name}`} onClick={() => setEdit(p)}>
                              <IconPencil size={13} />
                            </ActionIcon>
                            <ActionIcon variant="subtle" aria-label={`Remove ${p.name}`} onClick={() => setGone(p)}>
                              <IconTrash size={13} />
                            </ActionIcon>
                          </div>
                        </Can>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Panel>
          )
        }
      </Loaded>
      <Modal
        opened={!!edit}
        onClose={() => setEdit(undefined)}
        title={edit?.name ? `Change ${edit.name}` : 'Add a policy'}
        size={480}
      >
        {edit && (
          <Editor
            start={edit}
            onDone={async (saved) => {
              setEdit(undefined);
              if (saved) {
                done(`Saved ${saved}.`);
                await again();
              }
            }}
          />
        )}
      </Modal>
      <ConfirmDialog
        opened={!!gone}
        onClose={() => setGone(undefined)}
        title={`Remove the policy ${gone?.name ?? ''}?`}
        action="Remove"
        run={async () => {
          if (gone?.name) await removePolicy(gone.name);
          await again();
        }}
      >
        Its signals raise no alerts any more. Alerts that are open stay until the signal ends.
      </ConfirmDialog>
    </PageBody>
  );
}

const schema = z.object({
  name: z.string().check(z.minLength(1, 'Give it a name.'), z.maxLength(200)),
  kinds: z.array(z.string()),
  words: z.string(),
  items: z.array(z.string()),
  notable: z.boolean(),
  severity: z.string(),
  enabled: z.boolean(),
});

function Editor({ start, onDone }: { start: Partial<Policy>; onDone: (saved?: string) => void }) {
  const form = useForm({
    schema,
    initial: {
      name: start.name ?? '',
      kinds: start.kinds ?? [],
      words: start.words ?? '',
      items: start.items ?? [],
      notable: !!start.notable,
      severity: start.severity ?? 'warning',
      enabled: start.enabled ?? true,
    },
    submit: (v) =>
      putPolicy(v.name.trim(), {
        kinds: v.kinds,
        words: v.words || undefined,
        items: v.items,
        notable: v.notable || undefined,
        severity: v.severity as 'critical' | 'warning',
        enabled: v.enabled,
      }),
    done: (_, v) => onDone(v?.name ?? 'the policy'),
  });
  return (
    <Form form={form} label="Policy">
      <TextInput label="Name" withAsterisk data-autofocus disabled={!!start.name} {...form.field('name')} />
      <MultiSelect label="Signals" description="Empty: all." data={KINDS} {...form.field('kinds')} />
      <TextInput
        label="Words"
        description="A regular expression that the pattern must contain; upper and lower case are the same."
        placeholder="error|fail|panic"
        classNames={{ input: 'mono' }}
        {...form.field('words')}
      />
      <TagsInput label="Items" description="Names. Empty: every item." {...form.field('items')} />
      <Select
        label="Severity"
        data={[
          { value: 'critical', label: 'Critical' },
          { value: 'warning', label: 'Warning' },
        ]}
        allowDeselect={false}
        {...form.field('severity')}
      />
      <Switch label="Only patterns that are marked as notable" {...form.check('notable')} />
      <Switch label="Switched on" {...form.check('enabled')} />
      <FormActions action="Save" pending={form.pending} onCancel={() => onDone()} />
    </Form>
  );
}
