import { Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { z } from 'zod/mini';
import { useTeams } from '@/lib/names';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { done } from '@/ui/toast';
import { kindTitle } from './list';
import { createItem, type Item, itemQuery, updateItem, useKinds } from './queries';

export const NewRoute = createLazyRoute('/estate/items/new')({ component: NewPage });
export const EditRoute = createLazyRoute('/estate/items/$name/edit')({ component: EditPage });

function NewPage() {
  return (
    <>
      <PageHead title="Add an item" parent={{ label: 'Items', to: '/estate/items' }} />
      <Editor />
    </>
  );
}

function EditPage() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery(itemQuery(name));
  return (
    <>
      <PageHead title={`Change ${name}`} parent={{ label: name, to: `/estate/items/${encodeURIComponent(name)}` }} />
      <Loaded query={query} what="The item">
        {(i) => <Editor old={i.data} etag={i.etag} />}
      </Loaded>
    </>
  );
}

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give it a name.'), z.maxLength(200, 'Use at most 200 characters.')),
  title: z.string(),
  kind: z.string(),
  owner: z.nullable(z.string()),
  criticality: z.string(),
  lifecycle: z.string(),
  description: z.string(),
  labels: z.string(),
});

const levels = (xs: string[]) => xs.map((value) => ({ value, label: kindTitle(value) }));

/** Reads "env=prod" lines; a line without = is a label without a value. */
export function readLabels(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [k = '', ...v] = line.split('=');
    if (k.trim()) out[k.trim()] = v.join('=').trim();
  }
  return out;
}

function Editor({ old, etag }: { old?: Item; etag?: string }) {
  const navigate = useNavigate();
  const kinds = useKinds().data?.items ?? [];
  const teams = useTeams();
  const form = useForm({
    schema,
    initial: {
      name: old?.name ?? '',
      title: old?.title ?? '',
      kind: old?.kind ?? 'service',
      owner: old?.owner || null,
      criticality: old?.criticality ?? 'medium',
      lifecycle: old?.lifecycle ?? 'in_use',
      description: old?.description ?? '',
      labels: Object.entries(old?.labels ?? {})
        .map(([k, v]) => (v ? `${k}=${v}` : k))
        .join('\n'),
    },
    submit: async (v) => {
      const body = {
        name: v.name.trim(),
        title: v.title,
        kind: v.kind,
        owner: v.owner ?? '',
        criticality: v.criticality,
        lifecycle: v.lifecycle,
        description: v.description,
        labels: readLabels(v.labels) as Record<string, string | null>,
      };
      if (!old) return createItem(body as never);
      for (const k of Object.keys(old.labels ?? {})) if (!(k in body.labels)) body.labels[k] = null;
      return updateItem(old.name, body as never, etag);
    },
    done: async (i) => {
      done(old ? `${i.name} was changed.` : `${i.name} was added.`);
      await navigate({ to: `/estate/items/${encodeURIComponent(i.name)}` as string, replace: true });
    },
  });
  return (
    <PageBody width="form">
      <Form form={form} label="Item">
        <Row>
          <TextInput label="Name" withAsterisk placeholder="shop-web" data-autofocus {...form.field('name')} />
          <Select
            label="Kind"
            searchable
            allowDeselect={false}
            data={
              kinds.length ? kinds.map((k) => ({ value: k.name, label: k.title })) : levels([old?.kind ?? 'service'])
            }
            {...form.field('kind')}
          />
        </Row>
        <TextInput label="Title" placeholder="Web shop" {...form.field('title')} />
        <Row>
          <Select
            label="Owner"
            placeholder="Nobody"
            clearable
            searchable
            data={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
            {...form.field('owner')}
          />
          <Select
            label="Criticality"
            allowDeselect={false}
            data={levels(['critical', 'high', 'medium', 'low'])}
            {...form.field('criticality')}
          />
          <Select
            label="Lifecycle"
            allowDeselect={false}
            data={levels(['planned', 'in_use', 'retired'])}
            {...form.field('lifecycle')}
          />
        </Row>
        <Textarea label="Description" autosize minRows={2} maxRows={10} {...form.field('description')} />
        <Textarea
          label="Labels"
          description="One on a line: name=value."
          placeholder="env=prod"
          autosize
          minRows={1}
          maxRows={8}
          {...form.field('labels')}
        />
        <FormActions
          action={old ? 'Save' : 'Add the item'}
          pending={form.pending}
          onCancel={() => window.history.back()}
        />
      </Form>
    </PageBody>
  );
}
