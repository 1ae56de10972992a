import { Select, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { createLazyRoute, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useItemNames, usePeople, useTeams } from '@/lib/names';
import { useUrlState } from '@/lib/url';
import { DateTimeField } from '@/ui/DateTimeField';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { PageBody, PageHead } from '@/ui/PageHead';
import { done } from '@/ui/toast';
import { LEVELS } from './model';
import { createIncident } from './queries';

export const Route = createLazyRoute('/respond/incidents/new')({ component: Create });

const schema = z.object({
  title: z
    .string()
    .check(z.trim(), z.minLength(1, 'Say in one line what is wrong.'), z.maxLength(300, 'Use at most 300 characters.')),
  description: z.string(),
  items: z.array(z.string()),
  impact: z.nullable(z.string()),
  urgency: z.string(),
  team: z.nullable(z.string()),
  assignee: z.nullable(z.string()),
  impact_started_at: z.string(),
});
const LEVEL_DATA = Object.entries(LEVELS).map(([value, label]) => ({ value, label }));

/** Opens an incident that no check has seen. */
function Create() {
  const navigate = useNavigate();
  const [search] = useUrlState<{ item?: string }>();
  const people = usePeople();
  const teams = useTeams();
  const [typed, setTyped] = useState('');
  const [startedAt, setStartedAt] = useState('');
  const [asked] = useDebouncedValue(typed, 150);
  const names = useItemNames(asked);
  const form = useForm({
    schema,
    initial: {
      title: '',
      description: '',
      items: search.item ? [search.item] : [],
      impact: null as string | null,
      urgency: '2',
      team: null as string | null,
      assignee: null as string | null,
      impact_started_at: '',
    },
    submit: (v) =>
      createIncident({
        title: v.title,
        description: v.description || undefined,
        items: v.items.length ? v.items : undefined,
        impact: v.impact ? Number(v.impact) : undefined,
        urgency: Number(v.urgency),
        team: v.team || undefined,
        assignee: v.assignee || undefined,
        impact_started_at: v.impact_started_at || undefined,
      }),
    done: async (i) => {
      done(`${i.number} opened.`);
      await navigate({ to: `/respond/incidents/${i.number}` as string, replace: true });
    },
  });
  const began = form.path('impact_started_at');
  return (
    <>
      <PageHead title="Open an incident" parent={{ label: 'Incidents', to: '/respond/incidents' }} />
      <PageBody width="form">
        <Form form={form} label="Incident">
          <TextInput
            label="Title"
            withAsterisk
            maxLength={300}
            data-autofocus
            autoFocus
            placeholder="Checkout is slow for customers in Europe"
            {...form.field('title')}
          />
          <Textarea
            label="Description"
            description="Markdown."
            autosize
            minRows={4}
            maxRows={16}
            {...form.field('description')}
          />
          <TagsInput
            label="Affected items"
            description="Names of items. The first one decides the team and the escalation."
            placeholder="Add an item"
            data={names}
            onSearchChange={setTyped}
            maxTags={100}
            {...form.field('items')}
          />
          <Row>
            <Select label="Impact" placeholder="From the items" clearable data={LEVEL_DATA} {...form.field('impact')} />
            <Select label="Urgency" data={LEVEL_DATA} allowDeselect={false} {...form.field('urgency')} />
          </Row>
          <Row>
            <Select
              label="Team"
              placeholder="That of the first item"
              clearable
              searchable
              data={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
              {...form.field('team')}
            />
            <Select
              label="Assignee"
              placeholder="Nobody"
              clearable
              searchable
              data={people.filter((p) => !p.disabled).map((p) => ({ value: p.email, label: p.name }))}
              {...form.field('assignee')}
            />
          </Row>
          <DateTimeField
            label="Impact began"
            description="Now, if left empty."
            value={startedAt}
            error={began.error}
            onChange={(v) => {
              setStartedAt(v);
              form.mantine.setFieldValue('impact_started_at', v);
            }}
          />
          <FormActions
            action="Open the incident"
            pending={form.pending}
            onCancel={() => void navigate({ to: '/respond/incidents' as string })}
          />
        </Form>
      </PageBody>
    </>
  );
}
