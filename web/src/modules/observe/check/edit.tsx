import {
  Autocomplete,
  Button,
  Collapse,
  NumberInput,
  PasswordInput,
  Select,
  Switch,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { type FormEvent, useMemo, useState } from 'react';
import { messageOf, Problem } from '@/api/problems';
import { useEdges, useItemNames } from '@/lib/names';
import { useUrlState } from '@/lib/url';
import { FieldGroup, Form, FormActions, Row } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { done } from '@/ui/toast';
import { brief, fieldTitle, fromText, important, isPassive, toText } from './model';
import {
  type CheckBody,
  type CheckDetail,
  type CheckField,
  type CheckType,
  checkQuery,
  createCheck,
  saveCheck,
  typesQuery,
} from './queries';

export const NewRoute = createLazyRoute('/observe/checks/new')({ component: NewPage });
export const EditRoute = createLazyRoute('/observe/checks/$name/edit')({ component: EditPage });

function NewPage() {
  const types = useQuery(typesQuery);
  const [s] = useUrlState<{ item?: string; type?: string; trap?: string }>();
  return (
    <>
      <PageHead title="Add a check" parent={{ label: 'Checks', to: '/observe/checks' }} />
      <Loaded query={types} what="The types of checks">
        {(t) => <Editor types={t.items} item={s.item} type={s.type ?? 'http'} trap={s.trap} />}
      </Loaded>
    </>
  );
}

function EditPage() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const types = useQuery(typesQuery);
  const check = useQuery(checkQuery(name));
  return (
    <>
      <PageHead title={`Change ${name}`} parent={{ label: name, to: `/observe/checks/${encodeURIComponent(name)}` }} />
      <Loaded query={check} what="The check">
        {(c) => (types.data ? <Editor types={types.data.items} old={c.data} etag={c.etag} type={c.data.type} /> : null)}
      </Loaded>
    </>
  );
}

interface Values {
  name: string;
  item: string;
  every: string;
  retry_every: string;
  attempts: number;
  freshness: string;
  parents: string;
  from: string;
  disabled: boolean;
}

/** The form of one check. Its probe's fields come from the server, so a new type needs nothing here. */
function Editor({
  types,
  old,
  etag,
  item,
  type: firstType,
  trap,
}: {
  types: CheckType[];
  old?: CheckDetail;
  etag?: string;
  item?: string;
  type: string;
  /** The trap that a new check waits for. */
  trap?: string;
}) {
  const navigate = useNavigate();
  const [typeName, setType] = useState(types.some((t) => t.name === firstType) ? firstType : 'http');
  const type = types.find((t) => t.name === typeName);
  const [v, setV] = useState<Values>({
    name: old?.name ?? '',
    item: old?.item ?? item ?? '',
    every: brief(old?.every ?? '30s'),
    retry_every: old ? brief(old.retry_every) : '',
    attempts: old?.attempts ?? 3,
    freshness: old?.freshness ? brief(old.freshness) : '',
    parents: (old?.parents ?? []).join('\n'),
    from: old?.from ?? '',
    disabled: old ? !old.enabled : false,
  });
  const [probe, setProbe] = useState<Record<string, string>>(trap ? { traps: trap } : {});
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [general, setGeneral] = useState('');
  const [pending, setPending] = useState(false);
  const [more, setMore] = useState(false);
  const [asked] = useDebouncedValue(v.item, 150);
  const items = useItemNames(asked);
  // Traps decide its state at once: there is nothing to repeat.
  const waits = typeName === 'trap';
  const edges = useEdges();
  // An agent runs nothing else; see docs/agents.md.
  const onAgent = ['disk', 'plugin', 'process'].includes(typeName);
  const places = [
    { value: '', label: 'The server' },
    ...edges.map((e) => ({ value: e.name, label: `Edge ${e.name}` })),
    ...(edges.length > 0
      ? [
          { value: 'any', label: 'Any edge that is up' },
          { value: 'all', label: 'All edges' },
        ]
      : []),
    ...(onAgent ? [{ value: 'agent', label: 'The agent of the item' }] : []),
  ];
  if (v.from && !places.some((p) => p.value === v.from))
    places.push({ value: v.from, label: v.from === 'agent' ? 'The agent of the item' : `Edge ${v.from}` });
  const fields = type?.fields ?? [];
  const first = fields.filter(important);
  const rest = fields.filter((f) => !important(f));
  const set = (patch: Partial<Values>) => setV((o) => ({ ...o, ...patch }));

  const start = (f: CheckField): string => {
    const given = old && old.type === typeName ? (old.probe as Record<string, unknown>)[f.name] : f.default;
    return toText(f.kind, given);
  };
  const body = (): CheckBody => {
    const out: Record<string, unknown> = {};
    for (const f of fields) {
      const text = probe[f.name] ?? start(f);
      const x = fromText(f, text, numeric(f));
      if (x !== undefined) out[f.name] = x;
    }
    return {
      name: v.name.trim(),
      item: v.item.trim() || undefined,
      type: typeName,
      probe: typeName === 'passive' ? undefined : (out as CheckBody['probe']),
      every: waits ? undefined : v.every.trim() || undefined,
      retry_every: waits ? undefined : v.retry_every.trim() || undefined,
      attempts: waits ? undefined : v.attempts || undefined,
      freshness: v.freshness.trim() || undefined,
      from: (typeName === 'passive' && (v.from === 'any' || v.from === 'all') ? '' : v.from) || undefined,
      disabled: v.disabled || undefined,
      parents: v.parents.trim()
        ? v.parents
            .split('\n')
            .map((p) => p.trim())
            .filter(Boolean)
        : undefined,
      any_parent: old?.any_parent,
      no_flapping: old?.no_flapping,
      volatile: old?.volatile,
    };
  };
  const send = async (e: FormEvent) => {
    e.preventDefault();
    setPending(true);
    setErrors({});
    setGeneral('');
    try {
      const saved = old ? await saveCheck(old.name, body(), etag) : await createCheck(body());
      done(
        old ? `${saved.name} was changed.` : `${saved.name} was added${isPassive(typeName) ? '' : ' and runs now'}.`,
      );
      await navigate({ to: `/observe/checks/${encodeURIComponent(saved.name)}` as string, replace: true });
    } catch (err) {
      if (err instanceof Problem && err.fields.length) {
        const placed: Record<string, string> = {};
        const left: string[] = [];
        for (const f of err.fields) {
          const key = f.path
            .replace(/^body\./, '')
            .replace(new RegExp(`^probe\\.(${typeName}\\.)?`), 'probe.')
            .replace(/\[\d+\].*$/, '');
          if (key in v || (key.startsWith('probe.') && fields.some((x) => `probe.${x.name}` === key)))
            placed[key] = f.message;
          else left.push(f.path ? `${f.path}: ${f.message}` : f.message);
        }
        setErrors(placed);
        setGeneral(left.join(' '));
        if (rest.some((f) => placed[`probe.${f.name}`])) setMore(true);
      } else setGeneral(messageOf(err));
    } finally {
      setPending(false);
    }
  };
  const choices = useMemo(() => types.map((t) => ({ value: t.name, label: t.title })), [types]);
  const input = (f: CheckField) => (
    <ProbeInput
      key={`${typeName}.${f.name}`}
      field={f}
      value={probe[f.name] ?? start(f)}
      kept={!!old && f.secret}
      error={errors[`probe.${f.name}`]}
      onChange={(t) => setProbe((o) => ({ ...o, [f.name]: t }))}
    />
  );
  return (
    <PageBody width="form">
      <Form form={{ onSubmit: (e) => void send(e), general }} label="Check">
        <Row>
          <Select
            label="Type"
            data={choices}
            value={typeName}
            allowDeselect={false}
            searchable
            onChange={(t) => {
              setType(t ?? 'http');
              setProbe({});
              setErrors({});
            }}
          />
          <TextInput
            label="Name"
            withAsterisk
            placeholder="shop-http"
            value={v.name}
            disabled={!!old}
            error={errors.name}
            onChange={(e) => set({ name: e.currentTarget.value })}
            data-autofocus
          />
        </Row>
        {first.map(input)}
        {typeName === 'passive' && (
          <p className="muted">
            Results are sent to POST /api/v1/checks/{v.name || 'NAME'}/result. Set a freshness below to notice when they
            stop.
          </p>
        )}
        <Autocomplete
          label="Item"
          description={
            waits
              ? 'Only its traps are heard; without an item, those of all senders.'
              : 'What it watches. Its criticality decides the priority of incidents.'
          }
          placeholder="Name of an item"
          data={items}
          value={v.item}
          error={errors.item}
          onChange={(t) => set({ item: t })}
        />
        {!isPassive(typeName) && (edges.length > 0 || onAgent || v.from) && (
          <Select
            label="Runs from"
            description={
              v.from === 'all'
                ? 'It fails when it fails from one of them, and is OK when it is from all.'
                : v.from === 'agent'
                  ? 'On the host itself. A plugin must be in a folder that the host allows.'
                  : v.from
                    ? 'While the edge is down, the check is unreachable and only the edge alerts.'
                    : undefined
            }
            data={places}
            value={v.from}
            allowDeselect={false}
            error={errors.from}
            onChange={(t) => set({ from: t ?? '' })}
          />
        )}
        {!waits && (
          <FieldGroup title="When" hint="A state is sure after as many attempts as given here.">
            <Row>
              <TextInput
                label="Every"
                placeholder="30s"
                value={v.every}
                error={errors.every}
                onChange={(e) => set({ every: e.currentTarget.value })}
              />
              <NumberInput
                label="Attempts"
                min={1}
                max={100}
                value={v.attempts}
                error={errors.attempts}
                onChange={(n) => set({ attempts: Number(n) || 1 })}
              />
              <TextInput
                label="Retry every"
                placeholder="15s"
                value={v.retry_every}
                error={errors.retry_every}
                onChange={(e) => set({ retry_every: e.currentTarget.value })}
              />
            </Row>
          </FieldGroup>
        )}
        <Button
          variant="subtle"
          onClick={() => setMore(!more)}
          aria-expanded={more}
          style={{ alignSelf: 'flex-start' }}
        >
          {more ? 'Less' : 'More settings'}
        </Button>
        <Collapse expanded={more}>
          <div style={{ display: 'flex', flexDirection: 'column', gap: 12 }}>
            {rest.map(input)}
            <TextInput
              label="Freshness"
              description="Without a result for this long the state is unknown. Empty means without limit."
              placeholder="5m"
              value={v.freshness}
              error={errors.freshness}
              onChange={(e) => set({ freshness: e.currentTarget.value })}
            />
            <Textarea
              label="Parents"
              description="Names of checks, one on a line. While one of them is down, this check is unreachable and nobody is told of it."
              autosize
              minRows={1}
              value={v.parents}
              error={errors.parents}
              onChange={(e) => set({ parents: e.currentTarget.value })}
            />
            <Switch
              label="Switched off"
              checked={v.disabled}
              onChange={(e) => set({ disabled: e.currentTarget.checked })}
            />
          </div>
        </Collapse>
        <FormActions action={old ? 'Save' : 'Add the check'} pending={pending} onCancel={() => window.history.back()} />
      </Form>
    </PageBody>
  );
}

/** Lists of numbers: accepted status codes. */
const numeric = (f: CheckField) => f.name === 'status';

function ProbeInput({
  field: f,
  value,
  kept,
  error,
  onChange,
}: {
  field: CheckField;
  value: string;
  kept: boolean;
  error?: string;
  onChange: (text: string) => void;
}) {
  const label = fieldTitle(f.name);
  const common = { label, description: f.doc || undefined, error, withAsterisk: f.required };
  if (f.kind === 'switch')
    return (
      <Switch
        label={label}
        description={f.doc || undefined}
        error={error}
        checked={value === 'true'}
        onChange={(e) => onChange(String(e.currentTarget.checked))}
      />
    );
  if (f.enum?.length)
    return <Select {...common} data={f.enum} value={value || null} clearable onChange={(x) => onChange(x ?? '')} />;
  if (f.kind === 'list' || f.kind === 'map')
    return (
      <Textarea
        {...common}
        description={`${f.doc} ${f.kind === 'list' ? 'One on a line.' : 'One on a line: name: value.'}`.trim()}
        placeholder={kept ? 'Kept as it is unless you type' : undefined}
        autosize
        minRows={1}
        maxRows={8}
        value={value}
        onChange={(e) => onChange(e.currentTarget.value)}
      />
    );
  if (f.secret)
    return (
      <PasswordInput
        {...common}
        autoComplete="new-password"
        placeholder={kept ? 'Kept as it is unless you type' : undefined}
        value={value}
        onChange={(e) => onChange(e.currentTarget.value)}
      />
    );
  return (
    <TextInput
      {...common}
      inputMode={f.kind === 'whole' || f.kind === 'number' ? 'decimal' : undefined}
      placeholder={f.kind === 'duration' ? '10s' : undefined}
      value={value}
      onChange={(e) => onChange(e.currentTarget.value)}
    />
  );
}
