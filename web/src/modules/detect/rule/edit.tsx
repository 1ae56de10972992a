import { Autocomplete, Button, Collapse, SegmentedControl, Select, Switch, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { messageOf, Problem } from '@/api/problems';
import { useItemNames } from '@/lib/names';
import { useUrlState } from '@/lib/url';
import { FieldGroup, Form, FormActions, Row } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { done } from '@/ui/toast';
import { bodyOf } from './detail';
import { RuleGraph } from './graph';
import { brief, fromLines, ruleTo, toLines } from './model';
import { createRule, type RuleBody, type RuleRead, ruleQuery, saveRule } from './queries';
import { TryPanel } from './trial';

export const NewRoute = createLazyRoute('/detect/rules/new')({ component: NewPage });
export const EditRoute = createLazyRoute('/detect/rules/$name/edit')({ component: EditPage });

function NewPage() {
  const [s] = useUrlState<{ expr?: string; logs?: string; item?: string }>();
  return (
    <>
      <PageHead title="Add a rule" parent={{ label: 'Rules', to: '/detect/rules' }} />
      <Editor start={{ expr: s.expr, logs: s.logs, item: s.item }} />
    </>
  );
}

function EditPage() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery(ruleQuery(name));
  return (
    <>
      <PageHead title={`Change ${name}`} parent={{ label: name, to: ruleTo(name) }} />
      <Loaded query={query} what="The rule">
        {(q) => <Editor old={q.data} etag={q.etag} start={bodyOf(q.data)} />}
      </Loaded>
    </>
  );
}

const TEXT = ['name', 'description', 'expr', 'logs', 'window', 'recovery', 'for', 'keep_firing_for', 'every'] as const;
type TextKey = (typeof TEXT)[number] | 'summary' | 'text' | 'labels' | 'item' | 'record' | 'runbook';
type Values = Record<TextKey, string>;

const SEVERITIES = [
  { value: 'critical', label: 'Critical' },
  { value: 'warning', label: 'Warning' },
  { value: 'info', label: 'Info: nobody is told' },
];
const MISSING = [
  { value: 'ok', label: 'End the alert' },
  { value: 'keep', label: 'Keep it as it is' },
  { value: 'alert', label: 'Raise an alert that says so' },
];
const OWN = ['summary', 'description', 'runbook_url'];

function Editor({ old, etag, start }: { old?: RuleRead; etag?: string; start: Partial<RuleBody> }) {
  const navigate = useNavigate();
  const [v, setV] = useState<Values>({
    name: start.name ?? '',
    description: start.description ?? '',
    expr: start.expr ?? '',
    logs: start.logs ?? '',
    window: brief(start.window),
    recovery: start.recovery ?? '',
    for: brief(start.for),
    keep_firing_for: brief(start.keep_firing_for),
    every: brief(start.every),
    summary: start.annotations?.summary ?? '',
    text: start.annotations?.description ?? '',
    runbook: start.annotations?.runbook_url ?? '',
    labels: toLines(start.labels),
    item: start.item ?? '',
    record: start.record ?? '',
  });
  const [source, setSource] = useState(start.logs ? 'logs' : 'metrics');
  const [severity, setSeverity] = useState(start.severity ?? 'warning');
  const [missing, setMissing] = useState(start.missing ?? 'ok');
  const [on, setOn] = useState(start.enabled ?? true);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [general, setGeneral] = useState('');
  const [pending, setPending] = useState(false);
  const [more, setMore] = useState(!!(start.recovery || start.keep_firing_for || start.labels));
  const [expr] = useDebouncedValue(v.expr, 500);
  const [asked] = useDebouncedValue(v.item, 150);
  const items = useItemNames(asked);
  const set = (patch: Partial<Values>) => setV((o) => ({ ...o, ...patch }));
  const text = (key: TextKey) => ({
    value: v[key],
    error: errors[key],
    onChange: (e: { currentTarget: { value: string } }) => set({ [key]: e.currentTarget.value }),
  });

  const body = (): RuleBody => {
    const opt = (k: TextKey) => v[k].trim() || undefined;
    const annotations: Record<string, string> = {};
    for (const [k, x] of Object.entries(start.annotations ?? {})) if (!OWN.includes(k)) annotations[k] = x;
    if (opt('summary')) annotations.summary = v.summary.trim();
    if (opt('text')) annotations.description = v.text.trim();
    if (opt('runbook')) annotations.runbook_url = v.runbook.trim();
    const metrics = source === 'metrics';
    return {
      ...start,
      name: v.name.trim(),
      description: opt('description'),
      expr: metrics ? opt('expr') : undefined,
      logs: metrics ? undefined : opt('logs'),
      window: metrics ? undefined : opt('window'),
      recovery: metrics ? opt('recovery') : undefined,
      for: opt('for'),
      keep_firing_for: opt('keep_firing_for'),
      every: opt('every'),
      missing: metrics && missing !== 'ok' ? missing : undefined,
      severity,
      annotations: Object.keys(annotations).length ? annotations : undefined,
      labels: fromLines(v.labels),
      item: opt('item'),
      enabled: on ? undefined : false,
    };
  };
  const send = async (e: FormEvent) => {
    e.preventDefault();
    setPending(true);
    setErrors({});
    setGeneral('');
    try {
      const saved = old ? await saveRule(old.name ?? '', body(), etag) : await createRule(body());
      done(old ? `${saved.name} was changed.` : `${saved.name} was added and is asked now.`);
      await navigate({ to: ruleTo(saved.name ?? ''), replace: true });
    } catch (err) {
      if (err instanceof Problem && err.fields.length) {
        const placed: Record<string, string> = {};
        const left: string[] = [];
        for (const f of err.fields) {
          const path = f.path.replace(/^body\./, '');
          const key =
            {
              'annotations.summary': 'summary',
              'annotations.description': 'text',
              'annotations.runbook_url': 'runbook',
            }[path] ?? path.replace(/^labels\..*/, 'labels');
          if (key in v || key === 'missing' || key === 'severity') placed[key] = f.message;
          else left.push(path ? `${path}: ${f.message}` : f.message);
        }
        setErrors(placed);
        setGeneral(left.join(' '));
        if (['recovery', 'keep_firing_for', 'labels', 'missing', 'every'].some((k) => placed[k])) setMore(true);
      } else setGeneral(messageOf(err));
    } finally {
      setPending(false);
    }
  };
  const now = Date.now() / 1000;
  return (
    <PageBody width="form">
      <Form form={{ onSubmit: (e) => void send(e), general }} label="Rule">
        <Row>
          <TextInput
            label="Name"
            withAsterisk
            placeholder="disk-full"
            disabled={!!old}
            data-autofocus
            {...text('name')}
          />
          <Select
            label="Severity"
            data={SEVERITIES}
            value={severity}
            allowDeselect={false}
            error={errors.severity}
            onChange={(x) => setSeverity((x as typeof severity) ?? 'warning')}
          />
        </Row>
        <SegmentedControl
          aria-label="What it asks"
          style={{ alignSelf: 'flex-start' }}
          data={[
            { value: 'metrics', label: 'Metrics (PromQL)' },
            { value: 'logs', label: 'Logs (LogsQL)' },
          ]}
          value={source}
          onChange={setSource}
        />
        {source === 'metrics' ? (
          <>
            <Textarea
              label="Question"
              withAsterisk
              description="Each series of the answer is one instance. It fires while there is an answer."
              placeholder="host_disk_used_bytes / host_disk_total_bytes > 0.9"
              autosize
              minRows={2}
              classNames={{ input: 'mono' }}
              {...text('expr')}
            />
            {expr.trim() !== '' && (
              <Panel title="The last six hours">
                <RuleGraph name="The question" expr={expr} from={now - 6 * 3600} to={now} />
              </Panel>
            )}
          </>
        ) : (
          <Row>
            <Textarea
              label="Question"
              withAsterisk
              description="Without stats it counts lines and fires when there are any."
              placeholder="level:error app:shop"
              autosize
              minRows={2}
              classNames={{ input: 'mono' }}
              {...text('logs')}
            />
            <TextInput
              label="Looks back"
              description="How far each question reads."
              placeholder="5m"
              {...text('window')}
            />
          </Row>
        )}
        <Row>
          <TextInput
            label="For"
            description="How long it must last before it fires."
            placeholder="5m"
            {...text('for')}
          />
          <Autocomplete
            label="Item"
            description="Empty: the labels item, instance or host name it."
            placeholder="Name of an item"
            data={items}
            value={v.item}
            error={errors.item}
            onChange={(x) => set({ item: x })}
          />
        </Row>
        <FieldGroup title="What people read" hint="Templates as in Prometheus: {{ $labels.instance }}, {{ $value }}.">
          <TextInput label="Title" placeholder="{{ $labels.device }} is nearly full" {...text('summary')} />
          <Textarea label="Text" autosize minRows={1} {...text('text')} />
          <TextInput label="Link to a runbook" placeholder="https://" {...text('runbook')} />
        </FieldGroup>
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
            <Row>
              <TextInput label="Asked every" placeholder="1m" {...text('every')} />
              <TextInput
                label="Keeps firing for"
                description="After the answer is gone."
                placeholder="0s"
                {...text('keep_firing_for')}
              />
            </Row>
            {source === 'metrics' && (
              <>
                <Textarea
                  label="Recovery condition"
                  description="It ends only when this has an answer, so that a value around the limit does not tell again and again."
                  placeholder="host_disk_used_bytes / host_disk_total_bytes < 0.85"
                  autosize
                  minRows={1}
                  classNames={{ input: 'mono' }}
                  {...text('recovery')}
                />
                <Select
                  label="When the data is gone"
                  data={MISSING}
                  value={missing}
                  allowDeselect={false}
                  error={errors.missing}
                  onChange={(x) => setMissing((x as typeof missing) ?? 'ok')}
                />
              </>
            )}
            <Textarea
              label="Labels"
              description="One on a line: name: value. Policies and silences match on them."
              autosize
              minRows={1}
              {...text('labels')}
            />
            <Textarea label="Description" autosize minRows={1} {...text('description')} />
            <Switch label="Switched on" checked={on} onChange={(e) => setOn(e.currentTarget.checked)} />
          </div>
        </Collapse>
        {(source === 'logs' || !v.record) && <TryPanel rule={body} />}
        <FormActions action={old ? 'Save' : 'Add the rule'} pending={pending} onCancel={() => window.history.back()} />
      </Form>
    </PageBody>
  );
}
