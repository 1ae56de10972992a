import { Button, Checkbox, Modal, Select, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Tag } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import { type AttributeRule, type Kind, kindChoices, useKinds } from './queries';

export const Route = createLazyRoute('/settings/item-kinds/$kind')({ component: Page });

export const TYPES: Record<AttributeRule['type'], string> = {
  text: 'Text',
  integer: 'Whole number',
  number: 'Number',
  boolean: 'Yes or no',
  date: 'Date',
  datetime: 'Date and time',
  enum: 'One of a list',
  ip: 'IP address',
  mac: 'MAC address',
  url: 'URL',
  item: 'Another item',
  list: 'List of text',
};

/** Sends a kind with changes laid over it. */
function putKind(k: Kind, change: Partial<Kind>) {
  const { title, icon, description, parent, attributes, precedence } = { ...k, ...change };
  return call(
    http.PUT('/api/v1/item-kinds/{kind}', {
      params: { path: { kind: k.name } },
      body: { title, icon, description, parent, attributes, precedence: precedence ?? [] },
    }),
  );
}

function Page() {
  const { kind: name = '' } = useParams({ strict: false }) as { kind?: string };
  const query = useKinds();
  const may = useCan()('item.model');
  const navigate = useNavigate();
  const client = useQueryClient();
  const [open, setOpen] = useState<number>();
  const [asking, setAsking] = useState(false);
  const k = query.data?.items.find((x) => x.name === name);
  const close = () => setOpen(undefined);
  return (
    <>
      <PageHead title={k?.title ?? name} parent={{ label: 'Item kinds', to: '/settings/item-kinds' }}>
        <Spacer />
        {may && k && !k.built_in && (
          <Button variant="default" color="red" onClick={() => setAsking(true)}>
            Remove
          </Button>
        )}
        {may && k && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen(k.attributes.length)}>
            Add an attribute
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The kind" rows={8}>
        {() =>
          k ? (
            <PageBody>
              {!k.built_in && may && <About key={k.title + k.parent} kind={k} />}
              <Attributes kind={k} onOpen={may ? setOpen : undefined} />
            </PageBody>
          ) : (
            <EmptyState title={`There is no kind ${name}`} hint="It may have been removed." />
          )
        }
      </Loaded>
      <Modal
        opened={open !== undefined}
        onClose={close}
        title={k?.attributes[open ?? 0] ? 'Change the attribute' : 'Add an attribute'}
        size={560}
      >
        {open !== undefined && k && <EditAttribute key={open} kind={k} index={open} onClose={close} />}
      </Modal>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Remove the kind ${k?.title ?? name}?`}
        action="Remove"
        run={async () => {
          await call(http.DELETE('/api/v1/item-kinds/{kind}', { params: { path: { kind: name } } }));
          await client.invalidateQueries({ queryKey: ['item-kinds'] });
          done('The kind was removed.');
          await navigate({ to: '/settings/item-kinds' as string });
        }}
      >
        Only a kind that no item has can be removed.
      </ConfirmDialog>
    </>
  );
}

function About({ kind }: { kind: Kind }) {
  const client = useQueryClient();
  const kinds = useKinds().data?.items ?? [];
  const form = useForm({
    schema: z.object({
      title: z.string().check(z.trim(), z.minLength(1, 'Give it a title.')),
      parent: z.nullable(z.string()),
      description: z.string(),
    }),
    initial: { title: kind.title, parent: kind.parent || null, description: kind.description },
    submit: (v) => putKind(kind, { title: v.title, parent: v.parent ?? '', description: v.description }),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['item-kinds'] });
      done('The kind was saved.');
    },
  });
  return (
    <Panel title="About">
      <Form form={form} label="Kind">
        <Row>
          <TextInput label="Title" withAsterisk {...form.field('title')} />
          <Select
            label="Extends"
            placeholder="Nothing"
            clearable
            searchable
            data={kindChoices(kinds.filter((k) => k.name !== kind.name))}
            {...form.field('parent')}
          />
        </Row>
        <TextInput label="Description" {...form.field('description')} />
        <FormActions action="Save" pending={form.pending} />
      </Form>
    </Panel>
  );
}

function rules(a: AttributeRule): string[] {
  return [
    a.required && 'required',
    a.recommended && 'recommended',
    a.unique && 'unique',
    a.default !== undefined && a.default !== null && `default ${String(a.default)}`,
  ].filter((x) => typeof x === 'string');
}

function Attributes({ kind, onOpen }: { kind: Kind; onOpen: ((n: number) => void) | undefined }) {
  const inherited = kind.inherited ?? [];
  const own = kind.attributes;
  return (
    <Panel title="Attributes" note="Others stay allowed, of any type" flush>
      <table className="plain">
        <tbody>
          {inherited.map((a) => (
            <tr key={a.name}>
              <td className="muted">{a.title || a.name}</td>
              <td className="muted">{TYPES[a.type]}</td>
              <td>
                {rules(a).map((r) => (
                  <Tag key={r}>{r}</Tag>
                ))}
              </td>
              <td className="muted">from {a.declared_by}</td>
            </tr>
          ))}
          {own.map((a, n) => (
            <tr key={a.name}>
              <td>
                {onOpen ? (
                  <Button size="compact-xs" variant="subtle" onClick={() => onOpen(n)}>
                    {a.title || a.name}
                  </Button>
                ) : (
                  a.title || a.name
                )}
              </td>
              <td>
                {TYPES[a.type]}
                {a.unit ? `, ${a.unit}` : ''}
              </td>
              <td>
                {rules(a).map((r) => (
                  <Tag key={r}>{r}</Tag>
                ))}
              </td>
              <td className="muted">{a.description}</td>
            </tr>
          ))}
          {inherited.length + own.length === 0 && (
            <tr>
              <td className="muted">None is declared. Add one to have its values checked.</td>
            </tr>
          )}
        </tbody>
      </table>
    </Panel>
  );
}

/** The path of an attribute's field, as the form has it; empty for the attribute as a whole. */
export const attributeField = (path: string) => path.replace(/^(body\.)?attributes[.[]\d+\]?\.?/, '');

function EditAttribute({ kind, index, onClose }: { kind: Kind; index: number; onClose: () => void }) {
  const client = useQueryClient();
  const kinds = useKinds().data?.items ?? [];
  const old = kind.attributes[index];
  const [type, setType] = useState<AttributeRule['type']>(old?.type ?? 'text');
  const again = async (text: string) => {
    await client.invalidateQueries({ queryKey: ['item-kinds'] });
    await client.invalidateQueries({ queryKey: ['item'] });
    done(text);
    onClose();
  };
  const form = useForm({
    schema: z.object({
      name: z
        .string()
        .check(z.regex(/^[a-z][a-z0-9_]{0,49}$/, 'Use small letters, digits and _; begin with a letter.')),
      title: z.string(),
      unit: z.string(),
      pattern: z.string(),
      default: z.string(),
      description: z.string(),
      options: z.array(z.string()),
      kind: z.nullable(z.string()),
      required: z.boolean(),
      recommended: z.boolean(),
      unique: z.boolean(),
      precedence: z.array(z.string()),
    }),
    initial: {
      name: old?.name ?? '',
      title: old?.title ?? '',
      unit: old?.unit ?? '',
      pattern: old?.pattern ?? '',
      default: old?.default === undefined || old.default === null ? '' : String(old.default),
      description: old?.description ?? '',
      options: old?.options ?? [],
      kind: old?.kind || null,
      required: old?.required ?? false,
      recommended: old?.recommended ?? false,
      unique: old?.unique ?? false,
      precedence: old?.precedence ?? [],
    },
    mapField: attributeField,
    submit: (v) => {
      const numeric = type === 'integer' || type === 'number';
      const a: AttributeRule = {
        name: v.name,
        type,
        title: v.title || undefined,
        description: v.description || undefined,
        required: v.required || undefined,
        recommended: v.recommended || undefined,
        unique: (v.unique && canBeUnique(type)) || undefined,
        default: v.default && type !== 'list' ? v.default : undefined,
        unit: (numeric && v.unit) || undefined,
        pattern: (hasPattern(type) && v.pattern) || undefined,
        options: type === 'enum' ? v.options : undefined,
        kind: (type === 'item' && v.kind) || undefined,
        precedence: v.precedence.length ? v.precedence : undefined,
      };
      const attributes = [...kind.attributes];
      attributes[index] = a;
      return putKind(kind, { attributes });
    },
    done: () => again('The attribute was saved.'),
  });
  return (
    <Form form={form} label="Attribute">
      <Row>
        <TextInput
          label="Name"
          withAsterisk
          disabled={!!old}
          placeholder="serial"
          data-autofocus
          {...form.field('name')}
        />
        <TextInput label="Title" placeholder="Serial number" {...form.field('title')} />
      </Row>
      <Row>
        <Select
          label="Type"
          allowDeselect={false}
          data={Object.entries(TYPES).map(([value, label]) => ({ value, label }))}
          value={type}
          onChange={(t) => setType((t ?? 'text') as AttributeRule['type'])}
        />
        {(type === 'integer' || type === 'number') && (
          <TextInput label="Unit" placeholder="GiB" {...form.field('unit')} />
        )}
        {type === 'item' && (
          <Select
            label="Kind of that item"
            placeholder="Any"
            clearable
            searchable
            data={kindChoices(kinds)}
            {...form.field('kind')}
          />
        )}
        {type !== 'list' && <TextInput label="Default" placeholder="None" {...form.field('default')} />}
      </Row>
      {type === 'enum' && <TagsInput label="Values" withAsterisk {...form.field('options')} />}
      {hasPattern(type) && (
        <TextInput
          label="Pattern"
          placeholder="[A-Z]{2}[0-9]+"
          description="A regular expression that the whole text must match."
          {...form.field('pattern')}
        />
      )}
      <Textarea label="Description" autosize minRows={1} maxRows={4} {...form.field('description')} />
      <Row>
        <Checkbox label="Required" {...form.check('required')} />
        <Checkbox label="Recommended" {...form.check('recommended')} />
        {canBeUnique(type) && <Checkbox label="Unique" {...form.check('unique')} />}
      </Row>
      <TagsInput
        label="Order of sources"
        description="Which source wins when they disagree; empty for the order of the kind."
        {...form.field('precedence')}
      />
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {old ? (
          <Button
            variant="default"
            onClick={() =>
              putKind(kind, { attributes: kind.attributes.filter((_, n) => n !== index) }).then(() =>
                again('The attribute was removed. Its values stay, without a type.'),
              )
            }
          >
            Remove
          </Button>
        ) : (
          <span />
        )}
        <FormActions action="Save" pending={form.pending} onCancel={onClose} />
      </div>
    </Form>
  );
}

const hasPattern = (t: AttributeRule['type']) => t === 'text' || t === 'url' || t === 'list';
const canBeUnique = (t: AttributeRule['type']) => t !== 'boolean' && t !== 'enum' && t !== 'list';
