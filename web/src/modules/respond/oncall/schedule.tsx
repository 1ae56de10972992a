import { Button, Select, TagsInput, TextInput } from '@mantine/core';
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
import type { Schedule } from './model';
import classes from './oncall.module.css';
import { deleteSchedule, saveSchedule, scheduleQuery } from './queries';

export const Route = createLazyRoute('/respond/schedules/$name')({ component: Page });

const PARENT = { label: 'On call', to: '/respond/oncall' };

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const fresh = name === 'new';
  const query = useQuery({ ...scheduleQuery(name), enabled: !fresh });
  const may = useCan()('oncall.write');
  const client = useQueryClient();
  const navigate = useNavigate();
  const [removing, setRemoving] = useState(false);
  return (
    <>
      <PageHead title={fresh ? 'Add a schedule' : name} parent={PARENT}>
        <Spacer />
        {!fresh && may && (
          <Button variant="default" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        )}
      </PageHead>
      {fresh ? (
        <Editor
          old={{ name: '', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, rotations: [] }}
          etag=""
          fresh
          readOnly={!may}
        />
      ) : (
        <Loaded query={query} what={`Schedule ${name}`}>
          {(d) => <Editor key={d.etag} old={d.data} etag={d.etag} fresh={false} readOnly={!may} />}
        </Loaded>
      )}
      <ConfirmDialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={`Remove schedule ${name}?`}
        action="Remove"
        run={async () => {
          await deleteSchedule(name);
          await client.invalidateQueries({ queryKey: ['oncall'] });
          done(`Schedule ${name} removed.`);
          await navigate({ to: PARENT.to as string });
        }}
      >
        Its rotations and shifts that were taken over go too.
      </ConfirmDialog>
    </>
  );
}

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  time_zone: z.string(),
  rotations: z.array(
    z.object({
      name: z.string(),
      members: z.array(z.string()).check(z.minLength(1, 'Name at least one person.')),
      every: z.string().check(z.refine((v) => (spanSeconds(v) ?? 0) > 0, 'Write a length such as 7d or 12h.')),
      starts: z.string().check(z.minLength(1, 'Say when the first turn begins.')),
    }),
  ),
});

/** The coming Monday at nine, as a local time without a zone. */
function monday(): string {
  const d = new Date();
  d.setDate(d.getDate() + ((8 - d.getDay()) % 7));
  const p = (n: number) => String(n).padStart(2, '0');
  return `${d.getFullYear()}-${p(d.getMonth() + 1)}-${p(d.getDate())}T09:00`;
}
const blank = () => ({ name: '', members: [] as string[], every: '7d', starts: monday() });

function Editor({ old, etag, fresh, readOnly }: { old: Schedule; etag: string; fresh: boolean; readOnly: boolean }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const people = usePeople()
    .filter((p) => !p.disabled)
    .map((p) => p.email);
  const zones = ['UTC', ...Intl.supportedValuesOf('timeZone')];
  const form = useForm({
    schema,
    initial: {
      name: old.name,
      time_zone: old.time_zone || 'UTC',
      rotations: old.rotations
        ? old.rotations.map((r) => ({
            name: r.name ?? '',
            members: r.members ?? [],
            every: showSpan(r.every),
            starts: r.starts.slice(0, 16),
          }))
        : [blank()],
    },
    submit: (v) =>
      saveSchedule(v.name, etag, {
        time_zone: v.time_zone,
        rotations: v.rotations.map((r) => ({
          name: r.name || undefined,
          members: r.members,
          every: apiSpan(r.every),
          starts: r.starts.length === 16 ? `${r.starts}:00` : r.starts,
        })),
      }),
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['oncall'] });
      done(`Schedule ${v.name} saved.`);
      await navigate({ to: PARENT.to as string });
    },
  });
  const rotations = form.mantine.getValues().rotations;
  return (
    <PageBody width="form" label="Schedule">
      <Form form={form} label="Schedule">
        <Row>
          <TextInput label="Name" withAsterisk readOnly={!fresh} placeholder="primary" {...form.field('name')} />
          <Select
            label="Time zone"
            description="Hand-overs happen at the same local time all year."
            searchable
            allowDeselect={false}
            data={zones}
            readOnly={readOnly}
            {...form.field('time_zone')}
          />
        </Row>
        {rotations.map((_, i) => (
          <FieldGroup
            // biome-ignore lint/suspicious/noArrayIndexKey: the form keeps its values by index
            key={i}
            title={rotations.length > 1 ? `Rotation ${i + 1}` : 'Rotation'}
            hint={i === 1 ? 'A later rotation wins over an earlier one.' : undefined}
          >
            <TextInput label="Name" placeholder="Weekdays" readOnly={readOnly} {...form.path(`rotations.${i}.name`)} />
            <TagsInput
              label="Members, in the order of their turns"
              description="E-mail addresses. People who have no account yet get one."
              withAsterisk
              data={people}
              readOnly={readOnly}
              {...form.path(`rotations.${i}.members`)}
            />
            <Row>
              <TextInput
                label="Length of a turn"
                withAsterisk
                placeholder="7d"
                readOnly={readOnly}
                {...form.path(`rotations.${i}.every`)}
              />
              <TextInput
                label="First turn begins"
                type="datetime-local"
                withAsterisk
                readOnly={readOnly}
                {...form.path(`rotations.${i}.starts`)}
              />
            </Row>
            {!readOnly && rotations.length > 1 && (
              <div className={classes.foot}>
                <span />
                <Button variant="default" onClick={() => form.mantine.removeListItem('rotations', i)}>
                  Remove this rotation
                </Button>
              </div>
            )}
          </FieldGroup>
        ))}
        {!readOnly && (
          <>
            <div>
              <Button
                variant="default"
                leftSection={<IconPlus size={13} />}
                onClick={() => form.mantine.insertListItem('rotations', blank())}
              >
                Add a rotation
              </Button>
            </div>
            <FormActions
              action="Save schedule"
              pending={form.pending}
              onCancel={() => void navigate({ to: PARENT.to as string })}
            />
          </>
        )}
      </Form>
    </PageBody>
  );
}
