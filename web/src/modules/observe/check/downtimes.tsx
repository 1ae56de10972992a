import { Button, Drawer, Switch, TagsInput, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus, IconTool } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useItemNames } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { DateTimeField } from '@/ui/DateTimeField';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { cancelDowntime, type Downtime, downtimesQuery, planDowntime } from './queries';

export const Route = createLazyRoute('/observe/downtimes')({ component: Page });

interface Search {
  past?: true;
  new?: true;
  item?: string;
  check?: string;
}

function Page() {
  const [s, set] = useUrlState<Search>();
  const query = useQuery(downtimesQuery(!!s.past));
  const client = useQueryClient();
  const may = useCan()('check.write');
  const [ending, setEnding] = useState<Downtime>();
  return (
    <>
      <PageHead title="Maintenance">
        <Switch
          label="Show past"
          checked={!!s.past}
          onChange={(e) => set({ past: e.currentTarget.checked || undefined })}
        />
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => set({ new: true })}>
            Plan maintenance
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The maintenance windows">
        {(list) =>
          list.items.length ? (
            <PageBody label="Maintenance windows">
              <Panel flush>
                <table className="plain">
                  <thead>
                    <tr>
                      <th style={{ width: 110 }}>State</th>
                      <th>Title</th>
                      <th>Covers</th>
                      <th style={{ width: 150 }}>From</th>
                      <th style={{ width: 150 }}>To</th>
                      <th style={{ width: 130 }}>Planned by</th>
                      <th style={{ width: 80 }}>
                        <span className="vh">Actions</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {list.items.map((d) => (
                      <tr key={d.id}>
                        <td>
                          <Pill tone={d.active ? 'maint' : 'plain'}>
                            {d.cancelled_at
                              ? 'cancelled'
                              : d.active
                                ? 'now'
                                : Date.parse(d.ends_at) < Date.now()
                                  ? 'over'
                                  : 'planned'}
                          </Pill>
                        </td>
                        <td>{d.title}</td>
                        <td className="muted">
                          {[...d.items, ...d.checks].join(', ')}
                          {d.dependents && ' and what depends on it'}
                        </td>
                        <td>
                          <Time at={d.starts_at} mode="absolute" />
                        </td>
                        <td>
                          <Time at={d.ends_at} mode="absolute" />
                        </td>
                        <td className="muted">{d.created_by}</td>
                        <td>
                          {may && !d.cancelled_at && Date.parse(d.ends_at) > Date.now() && (
                            <Button variant="subtle" size="compact-xs" onClick={() => setEnding(d)}>
                              {d.active ? 'End' : 'Cancel'}
                            </Button>
                          )}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Panel>
            </PageBody>
          ) : (
            <EmptyState
              icon={IconTool}
              title={s.past ? 'There never was any maintenance' : 'No maintenance is planned'}
              hint="During maintenance checks go on and are recorded, and nobody is told."
            >
              {may && <Button onClick={() => set({ new: true })}>Plan maintenance</Button>}
            </EmptyState>
          )
        }
      </Loaded>
      <Drawer
        opened={!!s.new && may}
        onClose={() => set({ new: undefined, item: undefined, check: undefined })}
        position="right"
        title="Plan maintenance"
        size="md"
      >
        {s.new && (
          <Plan
            item={s.item}
            check={s.check}
            onDone={() => {
              set({ new: undefined, item: undefined, check: undefined });
              void client.invalidateQueries({ queryKey: ['downtimes'] });
            }}
          />
        )}
      </Drawer>
      <ConfirmDialog
        opened={!!ending}
        onClose={() => setEnding(undefined)}
        title={`End the maintenance “${ending?.title ?? ''}”?`}
        action="End it"
        run={async () => {
          if (ending) await cancelDowntime(ending.id);
          await client.invalidateQueries({ queryKey: ['downtimes'] });
          done('The maintenance ended.');
        }}
      >
        A problem that is still there will be told once a fresh result confirms it.
      </ConfirmDialog>
    </>
  );
}

const schema = z.object({
  title: z.string().check(z.trim(), z.minLength(1, 'Say what is done.')),
  items: z.array(z.string()),
  checks: z.array(z.string()),
  dependents: z.boolean(),
  starts_at: z.string(),
  ends_at: z.string().check(z.minLength(1, 'Say when it ends.')),
});

function Plan({ item, check, onDone }: { item?: string; check?: string; onDone: () => void }) {
  const [typed, setTyped] = useState('');
  const [asked] = useDebouncedValue(typed, 150);
  const names = useItemNames(asked);
  const soon = () => new Date(Math.ceil(Date.now() / 60_000) * 60_000);
  const [from, setFrom] = useState(() => soon().toISOString());
  const [to, setTo] = useState(() => new Date(soon().getTime() + 3_600_000).toISOString());
  const form = useForm({
    schema,
    initial: {
      title: '',
      items: item ? [item] : ([] as string[]),
      checks: check ? [check] : ([] as string[]),
      dependents: false,
      starts_at: from,
      ends_at: to,
    },
    submit: (v) => planDowntime({ ...v, title: v.title.trim() }),
    done: () => {
      done('The maintenance is planned.');
      onDone();
    },
  });
  const begins = form.path('starts_at');
  const ends = form.path('ends_at');
  return (
    <Form form={form} label="Maintenance">
      <TextInput
        label="What is done"
        withAsterisk
        placeholder="Upgrade of the database"
        data-autofocus
        {...form.field('title')}
      />
      <TagsInput
        label="Items"
        description="All checks of these items."
        data={names}
        onSearchChange={setTyped}
        {...form.field('items')}
      />
      <TagsInput label="Checks" description="Single checks, by name." {...form.field('checks')} />
      <Switch label="Also what depends on the items" {...form.check('dependents')} />
      <DateTimeField
        label="From"
        value={from}
        error={begins.error as string | undefined}
        onChange={(t) => {
          setFrom(t);
          form.mantine.setFieldValue('starts_at', t);
        }}
      />
      <DateTimeField
        label="To"
        withAsterisk
        value={to}
        error={ends.error as string | undefined}
        onChange={(t) => {
          setTo(t);
          form.mantine.setFieldValue('ends_at', t);
        }}
      />
      <FormActions action="Plan" pending={form.pending} onCancel={onDone} />
    </Form>
  );
}
