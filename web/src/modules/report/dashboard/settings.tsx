import { ActionIcon, Button, Select, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { FieldGroup, Row } from '@/ui/form';
import type { Spec, Variable } from './queries';
import { REFRESH } from './use-look';

const KINDS = [
  { value: 'query', label: 'Values of a label' },
  { value: 'list', label: 'A list' },
  { value: 'item', label: 'Items' },
  { value: 'text', label: 'Free text' },
];

/** Title, time and variables of a dashboard. */
export function Settings({
  spec,
  onSave,
  onClose,
}: {
  spec: Spec;
  onSave: (p: Partial<Spec>) => void;
  onClose: () => void;
}) {
  const [v, setV] = useState({
    title: spec.title ?? '',
    description: spec.description ?? '',
    range: spec.range ?? '6h',
    refresh: spec.refresh || 'off',
    variables: spec.variables ?? [],
  });
  const put = (x: Partial<typeof v>) => setV({ ...v, ...x });
  const variable = (i: number, x: Partial<Variable>) =>
    put({ variables: v.variables.map((a, k) => (k === i ? { ...a, ...x } : a)) });
  const range = /^[1-9]\d{0,3}[smhd]$/.test(v.range) ? undefined : 'An age such as 30m, 6h or 7d';
  const bad = (a: Variable, i: number): string | undefined => {
    if (!/^[A-Za-z_]\w{0,49}$/.test(a.name)) return 'Letters, digits and _';
    return v.variables.some((b, k) => k !== i && b.name === a.name) ? 'It is there twice' : undefined;
  };
  const wrong =
    !v.title.trim() ||
    !!range ||
    v.variables.some(
      (a, i) =>
        bad(a, i) ||
        (a.kind === 'query' && !/^\s*label_values\(.+\)\s*$/.test(a.query ?? '')) ||
        (a.kind === 'list' && !a.options?.length),
    );
  return (
    <form
      style={{ display: 'flex', flexDirection: 'column', gap: 12 }}
      onSubmit={(e) => {
        e.preventDefault();
        if (!wrong) onSave({ ...v, refresh: v.refresh === 'off' ? undefined : v.refresh });
      }}
    >
      <TextInput
        label="Title"
        withAsterisk
        value={v.title}
        maxLength={200}
        onChange={(e) => put({ title: e.currentTarget.value })}
        data-autofocus
      />
      <Textarea
        label="Description"
        autosize
        minRows={1}
        value={v.description}
        maxLength={2000}
        onChange={(e) => put({ description: e.currentTarget.value })}
      />
      <Row>
        <TextInput
          label="Opens with the last"
          value={v.range}
          error={range}
          onChange={(e) => put({ range: e.currentTarget.value })}
        />
        <Select
          label="Asks again"
          allowDeselect={false}
          data={REFRESH}
          value={v.refresh}
          onChange={(r) => put({ refresh: r ?? 'off' })}
        />
      </Row>
      <FieldGroup title="Variables" hint="A query holds them as $name. People choose a value above the panels.">
        {v.variables.map((a, i) => (
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: the name is what is being typed
            key={i}
            style={{
              display: 'flex',
              flexDirection: 'column',
              gap: 6,
              borderBottom: '1px solid var(--line)',
              paddingBottom: 8,
            }}
          >
            <Row>
              <TextInput
                label="Name"
                value={a.name}
                error={a.name ? bad(a, i) : undefined}
                onChange={(e) => variable(i, { name: e.currentTarget.value })}
              />
              <TextInput
                label="Label"
                value={a.label ?? ''}
                onChange={(e) => variable(i, { label: e.currentTarget.value || undefined })}
              />
              <Select
                label="Kind"
                allowDeselect={false}
                data={KINDS}
                value={a.kind}
                onChange={(k) => variable(i, { kind: (k ?? 'query') as Variable['kind'] })}
              />
            </Row>
            {a.kind === 'query' && (
              <TextInput
                label="Query"
                placeholder="label_values(host_cpu_usage_ratio, item)"
                value={a.query ?? ''}
                onChange={(e) => variable(i, { query: e.currentTarget.value })}
              />
            )}
            {a.kind === 'item' && (
              <TextInput
                label="Only the kind"
                placeholder="All kinds"
                value={a.query ?? ''}
                onChange={(e) => variable(i, { query: e.currentTarget.value || undefined })}
              />
            )}
            {a.kind === 'list' && (
              <TagsInput label="Values" value={a.options ?? []} onChange={(o) => variable(i, { options: o })} />
            )}
            <div style={{ display: 'flex', gap: 16, alignItems: 'center' }}>
              {a.kind !== 'text' && (
                <Switch
                  label="Several"
                  checked={!!a.multi}
                  onChange={(e) => variable(i, { multi: e.currentTarget.checked || undefined })}
                />
              )}
              {a.kind !== 'text' && (
                <Switch
                  label="All"
                  checked={!!a.all}
                  onChange={(e) => variable(i, { all: e.currentTarget.checked || undefined })}
                />
              )}
              <span style={{ flex: 1 }} />
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Remove the variable ${a.name}`}
                onClick={() => put({ variables: v.variables.filter((_, k) => k !== i) })}
              >
                <IconX size={14} />
              </ActionIcon>
            </div>
          </div>
        ))}
        <Button
          style={{ alignSelf: 'flex-start' }}
          size="compact-sm"
          variant="default"
          leftSection={<IconPlus size={13} />}
          onClick={() => put({ variables: [...v.variables, { name: '', kind: 'query' }] })}
        >
          Add a variable
        </Button>
      </FieldGroup>
      <div style={{ display: 'flex', justifyContent: 'flex-end', gap: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" disabled={wrong}>
          Done
        </Button>
      </div>
    </form>
  );
}
