import { Button, NumberInput, Select, TagsInput, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { usePeople } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { apiSpan, showSpan, spanSeconds } from '@/lib/span';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { done } from '@/ui/toast';
import { type Escalation, targetOf, targetValue } from './model';
import classes from './oncall.module.css';
import { deleteEscalation, escalationQuery, saveEscalation, schedulesQuery, useChannelNames } from './queries';

export const Route = createLazyRoute('/respond/escalations/$name')({ component: Page });

const PARENT = { label: 'Escalations', to: '/respond/escalations' };

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const fresh = name === 'new';
  const query = useQuery({ ...escalationQuery(name), enabled: !fresh });
  const may = useCan()('oncall.write');
  const client = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <PageHead title={fresh ? 'Add an escalation' : name} parent={PARENT}>
        <Spacer />
        {!fresh && may && (
          <Button variant="default" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        )}
      </PageHead>
      {fresh ? (
        <Editor old={{ name: '', steps: [] }} etag="" fresh readOnly={!may} />
      ) : (
        <Loaded query={query} what={`Escalation ${name}`}>
          {(d) => <Editor key={d.etag} old={d.data} etag={d.etag} fresh={false} readOnly={!may} />}
        </Loaded>
      )}
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove escalation ${name}?`}
        action="Remove"
        run={async () => {
          await deleteEscalation(name);
          await client.invalidateQueries({ queryKey: ['oncall'] });
          done(`Escalation ${name} removed.`);
          await navigate({ to: PARENT.to as string });
        }}
      >
        Runs that have begun go on. New incidents of policies that name it tell nobody.
      </ConfirmDialog>
    </>
  );
}

const length = (text: string) => z.string().check(z.refine((v) => spanSeconds(v) !== undefined, text));
const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  steps: z.array(
    z.object({
      notify: z.array(z.string()).check(z.minLength(1, 'Name at least one.')),
      after: length('Write a length such as 10m.'),
    }),
  ),
  repeat: z.union([z.number(), z.string()]),
  repeat_after: length('Write a length such as 15m.'),
  catch_all: z.nullable(z.string()),
});

function Editor({ old, etag, fresh, readOnly }: { old: Escalation; etag: string; fresh: boolean; readOnly: boolean }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const people = usePeople().filter((p) => !p.disabled);
  const channels = useChannelNames();
  const schedules = useQuery(schedulesQuery).data?.items ?? [];
  const form = useForm({
    schema,
    initial: {
      name: old.name,
      steps: old.steps
        ? old.steps.map((s) => ({ notify: (s.notify ?? []).map(targetValue), after: showSpan(s.after) }))
        : [{ notify: [] as string[], after: '0s' }],
      repeat: (old.repeat ?? 0) as number | string,
      repeat_after: showSpan(old.repeat_after) || '15m',
      catch_all: (old.catch_all || null) as string | null,
    },
    submit: (v) =>
      saveEscalation(v.name, etag, {
        steps: v.steps.map((s) => ({ notify: s.notify.map(targetOf), after: apiSpan(s.after) })),
        repeat: Number(v.repeat) || undefined,
        repeat_after: apiSpan(v.repeat_after),
        catch_all: v.catch_all || undefined,
      }),
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['oncall'] });
      done(`Escalation ${v.name} saved.`);
      await navigate({ to: PARENT.to as string });
    },
  });
  const steps = form.mantine.getValues().steps;
  const targets = [
    { group: 'Schedules', items: schedules.map((s) => `schedule:${s.name}`) },
    { group: 'Channels', items: channels.map((c) => `channel:${c}`) },
    { group: 'People', items: people.map((p) => `person:${p.email}`) },
  ];
  return (
    <PageBody width="form" label="Escalation">
      <Form form={form} label="Escalation">
        <TextInput label="Name" withAsterisk readOnly={!fresh} placeholder="standard" {...form.field('name')} />
        {steps.map((_, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the form keeps its values by index
          <FieldGroup key={i} title={`Step ${i + 1}`}>
            <TagsInput
              label="Tell"
              description={i === 0 ? 'Schedules, channels and people, all at once.' : undefined}
              withAsterisk
              data={targets}
              readOnly={readOnly}
              {...form.path(`steps.${i}.notify`)}
            />
            <Row>
              <TextInput
                label="After"
                description="Counted from the opening of the incident. 0s is at once."
                withAsterisk
                readOnly={readOnly}
                {...form.path(`steps.${i}.after`)}
              />
            </Row>
            {!readOnly && steps.length > 1 && (
              <div className={classes.foot}>
                <span />
                <Button variant="default" onClick={() => form.mantine.removeListItem('steps', i)}>
                  Remove this step
                </Button>
              </div>
            )}
          </FieldGroup>
        ))}
        {!readOnly && (
          <div>
            <Button
              variant="default"
              leftSection={<IconPlus size={13} />}
              onClick={() => form.mantine.insertListItem('steps', { notify: [], after: `${steps.length * 10}m` })}
            >
              Add a step
            </Button>
          </div>
        )}
        <FieldGroup title="When nobody has acknowledged">
          <Row>
            <NumberInput
              label="More rounds"
              min={0}
              max={100}
              allowDecimal={false}
              readOnly={readOnly}
              {...form.field('repeat')}
            />
            <TextInput label="Pause before each" readOnly={readOnly} {...form.field('repeat_after')} />
          </Row>
          <Select
            label="Catch-all channel"
            description="Told when a step reaches nobody, and when nobody has answered in the end."
            placeholder="None"
            clearable
            data={channels}
            readOnly={readOnly}
            {...form.field('catch_all')}
          />
        </FieldGroup>
        {!readOnly && (
          <FormActions
            action="Save escalation"
            pending={form.pending}
            onCancel={() => void navigate({ to: PARENT.to as string })}
          />
        )}
      </Form>
    </PageBody>
  );
}
