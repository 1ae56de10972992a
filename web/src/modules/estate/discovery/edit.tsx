import { Alert, Checkbox, Group, MultiSelect, NumberInput, Select, Switch, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { Problem } from '@/api/problems';
import { useEdges } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { done } from '@/ui/toast';
import { estimateText, jobURL, lines, type Spec } from './model';
import { credentialsQuery, jobQuery, preview } from './queries';

export const NewRoute = createLazyRoute('/estate/discovery/new')({ component: New });
export const EditRoute = createLazyRoute('/estate/discovery/$name/edit')({ component: Edit });

const EVERY = [
  { value: '', label: 'Only by hand' },
  { value: '1h', label: 'Every hour' },
  { value: '6h', label: 'Every 6 hours' },
  { value: '24h', label: 'Every day' },
  { value: '168h', label: 'Every week' },
];
const METHODS = [
  { value: 'ping', label: 'Ping' },
  { value: 'ports', label: 'TCP ports' },
  { value: 'names', label: 'Names in DNS' },
  { value: 'snmp', label: 'SNMP' },
];
const ADD = [
  { value: 'identified', label: 'What has a name or is read by SNMP' },
  { value: 'all', label: 'Every address that answers' },
  { value: 'none', label: 'Nothing; a person accepts it' },
];

function New() {
  return (
    <>
      <PageHead title="Discover a network" parent={{ label: 'Discovery', to: '/estate/discovery' }} />
      <Editor />
    </>
  );
}

function Edit() {
  const { name } = useParams({ strict: false }) as { name: string };
  const query = useQuery(jobQuery(name));
  return (
    <>
      <PageHead title="Change" parent={{ label: name, to: jobURL(name) }} />
      <Loaded query={query} what="The discovery job">
        {({ data, etag }) => <Editor old={data} etag={etag} />}
      </Loaded>
    </>
  );
}

const schema = z.object({
  name: z.string(),
  from: z.string(),
  targets: z.string().check(z.trim(), z.minLength(1, 'Give a network, a range, an address or a name.')),
  exclude: z.string(),
  credentials: z.array(z.string()),
  methods: z.array(z.string()).check(z.minLength(1, 'Choose at least one.')),
  ports: z.string(),
  rate: z.union([z.number(), z.string()]),
  try_silent: z.boolean(),
  add: z.string(),
  vanished_after: z.union([z.number(), z.string()]),
  every: z.string(),
  at: z.string().check(z.regex(/^$|^([01]\d|2[0-3]):[0-5]\d$/, 'A time of day such as 03:00.')),
  zone: z.string(),
  quiet: z.string(),
  start: z.boolean(),
});
type Values = z.infer<typeof schema>;

/** "08:00-18:00" on each line. */
function quietOf(text: string) {
  return lines(text).map((l) => {
    const [from = '', to = ''] = l.split('-');
    return { from, to };
  });
}

function specOf(v: Values, old?: Spec): Spec {
  const quiet = quietOf(v.quiet);
  // Days of quiet hours come from a file only; they stay where the hours do.
  const kept = quiet.map((q) => old?.schedule?.quiet?.find((o) => o.from === q.from && o.to === q.to) ?? q);
  const at = v.every && v.at ? { at: v.at } : {};
  const planned = v.every || quiet.length > 0;
  return {
    name: v.name.trim() || undefined,
    from: v.from || undefined,
    targets: lines(v.targets),
    exclude: lines(v.exclude),
    credentials: v.credentials,
    methods: v.methods.length === METHODS.length ? undefined : (v.methods as Spec['methods']),
    ports: v.ports.trim() ? lines(v.ports).map(Number) : undefined,
    rate: Number(v.rate) || undefined,
    try_silent: v.try_silent || undefined,
    add: v.add as Spec['add'],
    vanished_after: Number(v.vanished_after) || undefined,
    schedule: planned
      ? {
          ...(v.every ? { every: v.every } : {}),
          ...at,
          zone: v.zone.trim() || undefined,
          quiet: kept.length ? kept : undefined,
        }
      : undefined,
  };
}

const short = (d: string | undefined) => (d ?? '').replace(/0s$/, '').replace(/(\D|^)0m$/, '$1');

function Editor({ old, etag }: { old?: Spec; etag?: string }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const may = useCan();
  const credentials = useQuery({ ...credentialsQuery, enabled: may('credential.read') });
  const every = short(old?.schedule?.every) || (old?.schedule?.at ? '24h' : '');
  const initial: Values = {
    name: old?.name ?? '',
    from: old?.from ?? '',
    targets: old?.targets?.join('\n') ?? '',
    exclude: old?.exclude?.join('\n') ?? '',
    credentials: old?.credentials ?? [],
    methods: old?.methods ?? METHODS.map((m) => m.value),
    ports: old?.ports?.join(', ') ?? '',
    rate: old?.rate ?? 200,
    try_silent: old?.try_silent ?? false,
    add: old?.add ?? 'identified',
    vanished_after: old?.vanished_after ?? 3,
    every,
    at: old?.schedule?.at ?? '',
    zone: old?.schedule?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    quiet: old?.schedule?.quiet?.map((q) => `${q.from}-${q.to}`).join('\n') ?? '',
    start: !old,
  };
  const [values, setValues] = useState(initial);
  const form = useForm({
    schema,
    initial,
    submit: async (v) => {
      const body = specOf(v, old);
      if (!old) return call(http.POST('/api/v1/discovery-jobs', { body: { ...body, start: v.start } }));
      const name = old.name ?? '';
      return call(
        http.PUT('/api/v1/discovery-jobs/{name}', {
          params: { path: { name }, header: { 'If-Match': etag } },
          body: { ...body, name },
        }),
      );
    },
    done: async (j) => {
      await client.invalidateQueries({ queryKey: ['discovery-jobs'] });
      await client.invalidateQueries({ queryKey: ['discovery-job', j.name] });
      done(old ? `${j.name} was changed.` : `${j.name} was made.`);
      await navigate({ to: jobURL(j.name ?? '') as string, replace: true });
    },
    mapField: (p) => p.replace(/^schedule\./, '').replace(/[.[]\d.*$/, ''),
  });
  for (const k of Object.keys(initial) as (keyof Values)[]) {
    form.mantine.watch(k, ({ value }) => setValues((v) => ({ ...v, [k]: value })));
  }
  const choices = EVERY.some((e) => e.value === every) ? EVERY : [...EVERY, { value: every, label: `Every ${every}` }];
  const edges = [...new Set([...useEdges().map((e) => e.name), ...(old?.from ? [old.from] : [])])];
  const names = [...new Set([...(credentials.data?.items ?? []).map((c) => c.name), ...(old?.credentials ?? [])])];
  return (
    <PageBody width="form">
      <Form form={form} label="Discovery job">
        <FieldGroup title="What to look at">
          <Textarea
            label="Targets"
            withAsterisk
            autosize
            minRows={3}
            maxRows={12}
            classNames={{ input: 'mono' }}
            data-autofocus={old ? undefined : true}
            placeholder={'10.0.0.0/24\n10.1.0.1-99\nswitch1.example.org'}
            description="Networks, ranges, addresses and names, one on a line or with commas."
            {...form.field('targets')}
          />
          <Textarea
            label="Leave out"
            autosize
            minRows={1}
            maxRows={6}
            placeholder="10.0.0.200-250"
            {...form.field('exclude')}
          />
          <Forecast values={values} old={old} />
          {edges.length > 0 && (
            <Select
              label="Runs from"
              description="An edge also polls by SNMP what it finds, and suggested checks run there."
              data={[{ value: '', label: 'This server' }, ...edges.map((e) => ({ value: e, label: `Edge ${e}` }))]}
              allowDeselect={false}
              {...form.field('from')}
            />
          )}
          <MultiSelect
            label="Credentials"
            description={
              names.length ? (
                'Tried in this order on each device; the one that works is remembered.'
              ) : (
                <>
                  There are none yet. <Link to={'/settings/credentials' as string}>Add a credential</Link> to read
                  devices by SNMP.
                </>
              )
            }
            data={names}
            searchable
            {...form.field('credentials')}
          />
        </FieldGroup>
        <FieldGroup title="How">
          <Checkbox.Group label="Methods" {...form.field('methods')}>
            <Group gap="md" mt={6}>
              {METHODS.map((m) => (
                <Checkbox key={m.value} value={m.value} label={m.label} />
              ))}
            </Group>
          </Checkbox.Group>
          <Row>
            <NumberInput label="Packets a second" min={1} max={50_000} {...form.field('rate')} />
            <TextInput label="TCP ports" placeholder="20 usual ones" {...form.field('ports')} />
          </Row>
          <Switch
            label="Also try addresses that do not answer a ping"
            description="Finds hosts behind a firewall, and takes much longer."
            {...form.check('try_silent')}
          />
          <Row>
            <Select label="Becomes an item by itself" allowDeselect={false} data={ADD} {...form.field('add')} />
            <NumberInput
              label="Vanished after runs without an answer"
              min={1}
              max={100}
              {...form.field('vanished_after')}
            />
          </Row>
        </FieldGroup>
        <FieldGroup title="When">
          <Row>
            <Select label="Runs" allowDeselect={false} data={choices} {...form.field('every')} />
            <TextInput label="At" placeholder="03:00" disabled={!values.every} {...form.field('at')} />
            <TextInput label="Time zone" placeholder="UTC" {...form.field('zone')} />
          </Row>
          <Textarea
            label="Quiet hours"
            autosize
            minRows={1}
            maxRows={6}
            placeholder="08:00-18:00"
            description="Nothing is sent then; a run waits and goes on after."
            {...form.field('quiet')}
          />
          {!old && <Switch label="Run it now" {...form.check('start')} />}
        </FieldGroup>
        <FieldGroup title="Name">
          <TextInput label="Name" disabled={!!old} placeholder="made of the targets" {...form.field('name')} />
        </FieldGroup>
        <FormActions
          action={old ? 'Save' : values.start ? 'Make the job and run it' : 'Make the job'}
          pending={form.pending}
          onCancel={() => void navigate({ to: (old ? jobURL(old.name ?? '') : '/estate/discovery') as string })}
        />
      </Form>
    </PageBody>
  );
}

/** What the job would do, before it does it; mistakes in the list are all shown. */
function Forecast({ values, old }: { values: Values; old?: Spec }) {
  const spec = specOf(values, old);
  const [asked] = useDebouncedValue(JSON.stringify({ ...spec, name: undefined, schedule: undefined }), 400);
  const any = spec.targets.length > 0;
  const q = useQuery({
    queryKey: ['discovery-preview', asked],
    enabled: any,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => preview(JSON.parse(asked) as Spec, signal),
  });
  if (!any) return null;
  // targets[2] is for programs; people see what they typed.
  const typed = (path: string) => {
    const m = /^(targets|exclude)[.[](\d+)\]?$/.exec(path);
    return (m && spec[m[1] as 'targets' | 'exclude']?.[Number(m[2])]) || path;
  };
  if (q.error) {
    const fields = q.error instanceof Problem ? q.error.fields : [];
    return (
      <Alert color="red" title="The job cannot run like this" role="status">
        {fields.length
          ? fields.map((f) => (
              <div key={f.path}>
                <span className="mono">{typed(f.path)}</span> {f.message}
              </div>
            ))
          : q.error.message}
      </Alert>
    );
  }
  if (!q.data) return null;
  return (
    <Alert color="gray" role="status">
      {estimateText(q.data, Number(values.rate) || 200)}{' '}
      <span className="muted">Begins with {q.data.first_addresses.join(', ')}.</span>
    </Alert>
  );
}
