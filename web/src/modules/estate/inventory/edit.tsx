import { Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useTeams } from '@/lib/names';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { done } from '@/ui/toast';
import { kindTitle } from './list';
import {
  type AttributeRule,
  createItem,
  type Item,
  itemQuery,
  type Kind,
  kindChoices,
  updateItem,
  useKinds,
} from './queries';

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
  attributes: z.record(z.string(), z.string()),
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
  const query = useKinds();
  return (
    <Loaded query={query} what="The kinds" rows={8}>
      {(kinds) => <Fields old={old} etag={etag} kinds={kinds.items} />}
    </Loaded>
  );
}

/** The attributes that a kind declares or inherits. */
export const rulesOf = (kinds: readonly Kind[], name: string): AttributeRule[] => {
  const k = kinds.find((x) => x.name === name);
  return k ? [...k.inherited, ...k.attributes] : [];
};

/** What is sent of the attributes: those that differ, empty ones as null. */
export function changedAttributes(
  rules: readonly AttributeRule[],
  was: Record<string, string>,
  is: Record<string, string>,
): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const a of rules) {
    const v = (is[a.name] ?? '').trim();
    if (v === (was[a.name] ?? '')) continue;
    out[a.name] = !v ? null : a.type === 'list' ? v.split(/\s*,\s*/).filter(Boolean) : v;
  }
  return out;
}

const written = (v: unknown) =>
  v === undefined || v === null ? '' : Array.isArray(v) ? v.join(', ') : typeof v === 'object' ? '' : String(v);

const EXAMPLES: Partial<Record<AttributeRule['type'], string>> = {
  date: '2026-05-31',
  datetime: '2026-05-31T18:00:00Z',
  ip: '192.0.2.7',
  mac: '00:00:5e:00:53:01',
  url: 'https://example.org',
  list: 'one, two',
  item: 'Name of an item',
};

function Fields({ old, etag, kinds }: { old?: Item; etag?: string; kinds: Kind[] }) {
  const navigate = useNavigate();
  const [kind, setKind] = useState(old?.kind ?? 'service');
  const [attributes] = useState(() =>
    Object.fromEntries(kinds.flatMap((k) => k.attributes).map((a) => [a.name, written(old?.attributes?.[a.name])])),
  );
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
      attributes,
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
        attributes: changedAttributes(rulesOf(kinds, v.kind), attributes, v.attributes),
      };
      if (!old) return createItem(body as never);
      for (const k of Object.keys(old.labels ?? {})) if (!(k in body.labels)) body.labels[k] = null;
      return updateItem(old.name, body as never, etag);
    },
    done: async (i) => {
      done(
        'proposal' in i && i.proposal
          ? `The change of ${i.name} waits for approval by a second person.`
          : old
            ? `${i.name} was changed.`
            : `${i.name} was added.`,
      );
      await navigate({ to: `/estate/items/${encodeURIComponent(i.name)}` as string, replace: true });
    },
  });
  form.mantine.watch('kind', ({ value }) => setKind(value));
  const rules = rulesOf(kinds, kind);
  return (
    <PageBody width="form">
      <Form form={form} label="Item">
        <Row>
          <TextInput label="Name" withAsterisk placeholder="shop-web" data-autofocus {...form.field('name')} />
          <Select label="Kind" searchable allowDeselect={false} data={kindChoices(kinds)} {...form.field('kind')} />
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
        {rules.length > 0 && (
          <FieldGroup title="Attributes">
            {rules.map((a) => {
              const own = {
                label: `${a.title || a.name}${a.unit ? `, ${a.unit}` : ''}`,
                description: a.description,
                withAsterisk: a.required,
                ...form.path(`attributes.${a.name}`),
              };
              if (a.type === 'enum' || a.type === 'boolean')
                return (
                  <Select
                    {...own}
                    key={own.key}
                    clearable
                    placeholder="None"
                    data={
                      a.type === 'enum'
                        ? (a.options ?? [])
                        : [
                            { value: 'true', label: 'Yes' },
                            { value: 'false', label: 'No' },
                          ]
                    }
                  />
                );
              return <TextInput {...own} key={own.key} placeholder={EXAMPLES[a.type]} />;
            })}
          </FieldGroup>
        )}
        <FormActions
          action={old ? 'Save' : 'Add the item'}
          pending={form.pending}
          onCancel={() => window.history.back()}
        />
      </Form>
    </PageBody>
  );
}
