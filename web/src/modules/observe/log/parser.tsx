import { Button, Select, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconTrash, IconWand } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useNavigate, useParams } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { messageOf, Problem } from '@/api/problems';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { ErrorState } from '@/ui/ErrorState';
import { Form, FormActions, Row } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { done } from '@/ui/toast';
import classes from './logs.module.css';
import { guessPattern } from './model';
import { type Parser, parsersQuery, putParser, removeParser, type Trial, tryParser } from './queries';

export const Route = createLazyRoute('/observe/logs/parsers/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [s] = useUrlState<{ sample?: string; app?: string }>();
  const query = useQuery({ ...parsersQuery, refetchInterval: false as const });
  const [gone, setGone] = useState(false);
  const navigate = useNavigate();
  const fresh = name === 'new';
  const found = query.data?.items.find((p) => p.name === name);
  return (
    <>
      <PageHead title={fresh ? 'Add a parser' : name} parent={{ label: 'Parsers', to: '/observe/logs/parsers' }}>
        <Spacer />
        {found && (
          <Button variant="default" leftSection={<IconTrash size={13} />} onClick={() => setGone(true)}>
            Remove
          </Button>
        )}
      </PageHead>
      <PageBody label="Parser" width="form">
        <Loaded query={query} what="The parser">
          {() =>
            fresh ? (
              <Editor
                start={{ apps: s.app ? [s.app] : undefined, pattern: s.sample ? guessPattern(s.sample) : '' }}
                sample={s.sample ?? ''}
              />
            ) : found ? (
              <Editor key={name} start={found} sample="" named />
            ) : (
              <ErrorState what="The parser" error={new Error('There is no such parser.')} />
            )
          }
        </Loaded>
      </PageBody>
      <ConfirmDialog
        opened={gone}
        onClose={() => setGone(false)}
        title={`Remove the parser ${name}?`}
        action="Remove"
        run={async () => {
          await removeParser(name);
          await navigate({ to: '/observe/logs/parsers' as string });
        }}
      >
        Lines that come from now on are kept as they are. Fields of stored lines stay.
      </ConfirmDialog>
    </>
  );
}

const KINDS = [
  { value: 'pattern', label: 'Pattern: parts with names' },
  { value: 'regexp', label: 'Regular expression (RE2)' },
];

function Editor({ start, sample, named }: { start: Partial<Parser>; sample: string; named?: boolean }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [lines, setLines] = useState(sample);
  const [name, setName] = useState(start.name ?? '');
  const [kind, setKind] = useState(start.regexp ? 'regexp' : 'pattern');
  const [text, setText] = useState(start.regexp || start.pattern || '');
  const [match, setMatch] = useState(start.match ?? '');
  const [apps, setApps] = useState(start.apps ?? []);
  const [items, setItems] = useState(start.items ?? []);
  const [senders, setSenders] = useState(start.senders ?? []);
  const [field, setField] = useState(start.time?.field ?? '');
  const [layout, setLayout] = useState(start.time?.layout ?? '');
  const [zone, setZone] = useState(start.time?.zone ?? '');
  const [first, setFirst] = useState(!!start.first);
  const [on, setOn] = useState(start.enabled ?? true);
  const [error, setError] = useState<unknown>();
  const [pending, setPending] = useState(false);
  const body: Parser = {
    match: match || undefined,
    apps: apps.length ? apps : undefined,
    items: items.length ? items : undefined,
    senders: senders.length ? senders : undefined,
    [kind]: text,
    types: start.types,
    set: start.set,
    time: field ? { field, layout: layout || undefined, zone: zone || undefined } : undefined,
    first: first || undefined,
    enabled: on,
  };
  // Samples have no header: what the program is called is not tried on them.
  const [asked] = useDebouncedValue(JSON.stringify({ parser: { ...body, apps: undefined }, lines }), 300);
  const trial = useQuery({
    queryKey: ['log-parser-try', asked],
    queryFn: ({ signal }) => {
      const a = JSON.parse(asked) as { parser: Parser; lines: string };
      return tryParser(a.parser, a.lines.split('\n').filter(Boolean).slice(0, 100), signal);
    },
    enabled: text.trim() !== '',
    retry: false,
    placeholderData: (old) => old,
  });
  const wrong = (problem: unknown, path: string) =>
    problem instanceof Problem
      ? problem.fields.find((f) => f.path.replace(/^(body\.)?(parser\.)?/, '') === path)?.message
      : undefined;
  const at = (path: string) => wrong(error, path) ?? wrong(trial.error, path);
  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setPending(true);
    setError(undefined);
    try {
      await putParser(name.trim() || ' ', body);
      done(`Saved ${name}. Lines that come from now on are read by it.`);
      await client.invalidateQueries({ queryKey: parsersQuery.queryKey });
      await navigate({ to: '/observe/logs/parsers' as string });
    } catch (x) {
      setError(x);
    } finally {
      setPending(false);
    }
  };
  return (
    <Form
      label="Parser"
      form={{
        general: error && !(error instanceof Problem && error.fields.length) ? messageOf(error) : '',
        onSubmit: submit,
      }}
    >
      <Textarea
        label="Sample lines"
        description="Paste some, one on a line. Nothing of them is stored."
        autosize
        minRows={3}
        maxRows={10}
        classNames={{ input: 'mono' }}
        value={lines}
        onChange={(e) => setLines(e.currentTarget.value)}
      />
      <Row>
        <TextInput
          label="Name"
          description="Becomes the field format."
          withAsterisk
          disabled={named}
          value={name}
          error={at('name')}
          onChange={(e) => setName(e.currentTarget.value)}
        />
        <Select
          label="Written as"
          description="How the parts are found."
          data={KINDS}
          value={kind}
          allowDeselect={false}
          onChange={(v) => setKind(v ?? 'pattern')}
        />
      </Row>
      <Textarea
        label={kind === 'pattern' ? 'Pattern' : 'Regular expression'}
        description={
          kind === 'pattern'
            ? '%{type:name} is a part: word, text, rest, int, num, ip, host, quoted. %[ … %] may be missing. All else stands for itself.'
            : 'Named groups become fields: (?P<user>\\w+)'
        }
        withAsterisk
        autosize
        minRows={2}
        classNames={{ input: 'mono' }}
        value={text}
        error={at(kind)}
        onChange={(e) => setText(e.currentTarget.value)}
      />
      {kind === 'pattern' && (
        <Button
          variant="default"
          leftSection={<IconWand size={13} />}
          disabled={!lines.trim()}
          style={{ alignSelf: 'flex-start' }}
          onClick={() => setText(guessPattern(lines.split('\n').find(Boolean) ?? ''))}
        >
          Begin with the first line
        </Button>
      )}
      <Panel title="What it makes of the lines">
        {!lines.trim() || !text.trim() ? (
          <p className="muted">Paste sample lines and write a pattern; the fields are here at once.</p>
        ) : trial.isError ? (
          <p role="alert">{messageOf(trial.error)}</p>
        ) : (
          trial.data?.items.map((t, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be the same
            <Outcome key={i} trial={t} />
          ))
        )}
      </Panel>
      <Row>
        <TextInput
          label="Time is in"
          description="A field of the pattern. Empty: when it came."
          value={field}
          error={at('time.field')}
          onChange={(e) => setField(e.currentTarget.value)}
        />
        <TextInput
          label="Written like"
          description="2006-01-02 15:04:05, unix, unix_ms. Empty: found."
          value={layout}
          error={at('time.layout')}
          onChange={(e) => setLayout(e.currentTarget.value)}
        />
        <TextInput
          label="Zone"
          description="For times without one."
          placeholder="Europe/Berlin"
          value={zone}
          error={at('time.zone')}
          onChange={(e) => setZone(e.currentTarget.value)}
        />
      </Row>
      <TextInput
        label="Only lines with the text"
        description="Empty: all lines. Makes it faster."
        value={match}
        onChange={(e) => setMatch(e.currentTarget.value)}
      />
      <Row>
        <TagsInput label="Programs" description="Empty: all." value={apps} onChange={setApps} error={at('apps')} />
        <TagsInput label="Items" description="Empty: all." value={items} onChange={setItems} />
        <TagsInput label="Senders" description="Empty: all." value={senders} onChange={setSenders} />
      </Row>
      <Switch
        label="Before the known formats"
        description="Else only for lines that none of them recognizes."
        checked={first}
        onChange={(e) => setFirst(e.currentTarget.checked)}
      />
      <Switch label="Switched on" checked={on} onChange={(e) => setOn(e.currentTarget.checked)} />
      <FormActions action="Save" pending={pending} onCancel={() => window.history.back()} />
    </Form>
  );
}

function Outcome({ trial: t }: { trial: Trial }) {
  const miss = t.misses?.[0];
  return (
    <div className={classes.trial} data-fits={t.fits}>
      <p className="mono">{t.line}</p>
      {t.fits ? (
        <dl>
          {t.time && (
            <div>
              <dt>time</dt>
              <dd>{t.time}</dd>
            </div>
          )}
          {t.level && (
            <div>
              <dt>level</dt>
              <dd>{t.level}</dd>
            </div>
          )}
          {t.fields.map((f) => (
            <div key={f.name}>
              <dt>{f.name}</dt>
              <dd>{f.value}</dd>
            </div>
          ))}
        </dl>
      ) : (
        <p>
          Does not fit: {miss?.message ?? 'it is for other lines'}.
          {t.parser && <span className="muted"> It is recognized as {t.parser}.</span>}
        </p>
      )}
    </div>
  );
}
