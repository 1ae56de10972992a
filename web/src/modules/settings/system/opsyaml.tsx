import { Button, Textarea } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { messageOf, Problem } from '@/api/problems';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { done, failed } from '@/ui/toast';
import classes from './settings.module.css';

export const Route = createLazyRoute('/settings/ops-yaml')({ component: Page });

type Answer = Schemas['ApplyBody'];

/** Sends the file: all of it is applied, or nothing. */
function send(text: string, dry: boolean): Promise<Answer> {
  return call(
    http.POST('/api/v1/apply', {
      params: { query: { dry_run: dry } },
      body: text as never,
      bodySerializer: (b: unknown) => b as string,
      headers: { 'Content-Type': 'application/yaml' },
    }),
  );
}

const TONE = { created: 'ok', updated: 'warn', unchanged: 'plain', 'waits for approval': 'warn' } as const;

function Page() {
  const client = useQueryClient();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState<'read' | 'dry' | 'apply'>();
  const [answer, setAnswer] = useState<Answer>();
  const [problem, setProblem] = useState<unknown>();

  const load = async () => {
    setBusy('read');
    try {
      const yaml = await call(http.GET('/api/v1/export', { parseAs: 'text' }));
      setText(String(yaml));
      setAnswer(undefined);
      setProblem(undefined);
    } catch (e) {
      failed('Exporting', e);
    } finally {
      setBusy(undefined);
    }
  };
  const run = async (dry: boolean) => {
    setBusy(dry ? 'dry' : 'apply');
    setProblem(undefined);
    try {
      const a = await send(text, dry);
      setAnswer(a);
      if (!dry) {
        done('The file is applied.');
        await client.invalidateQueries();
      }
    } catch (e) {
      setAnswer(undefined);
      setProblem(e);
    } finally {
      setBusy(undefined);
    }
  };
  const changes = answer?.changes ?? [];
  const real = changes.filter((c) => c.outcome !== 'unchanged');
  return (
    <>
      <PageHead title="ops.yaml">
        <Spacer />
        <Button
          component="a"
          href="/api/v1/export"
          download="ops.yaml"
          variant="default"
          leftSection={<IconDownload size={14} />}
        >
          Download
        </Button>
      </PageHead>
      <PageBody label="ops.yaml">
        <Panel
          title="File"
          note="Teams, items, checks, schedules, escalations, channels and policies. What the file does not name stays."
          tools={
            <Button variant="subtle" loading={busy === 'read'} onClick={() => void load()}>
              Load what is there
            </Button>
          }
        >
          <Textarea
            label="Text of the file"
            placeholder={'items:\n  - name: shop\n    kind: service'}
            autosize
            minRows={12}
            maxRows={28}
            spellCheck={false}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '18px' } }}
            value={text}
            onChange={(e) => {
              setText(e.currentTarget.value);
              setAnswer(undefined);
            }}
          />
          <div className={classes.end} style={{ marginTop: 10 }}>
            <Button variant="default" disabled={!text.trim()} loading={busy === 'dry'} onClick={() => void run(true)}>
              Show the changes
            </Button>
            <Button
              disabled={!answer?.dry_run || real.length === 0}
              loading={busy === 'apply'}
              onClick={() => void run(false)}
            >
              {answer?.dry_run && real.length
                ? `Apply ${real.length} ${real.length === 1 ? 'change' : 'changes'}`
                : 'Apply'}
            </Button>
          </div>
        </Panel>
        {problem !== undefined && <Refused problem={problem} />}
        {answer && (
          <Panel
            title={answer.dry_run ? 'What would change' : 'What was changed'}
            note={`${changes.length - real.length} unchanged`}
            flush
          >
            {real.length === 0 ? (
              <p className="muted" style={{ padding: '0 12px 8px', margin: 0 }}>
                Everything in the file is there already.
              </p>
            ) : (
              <table className={classes.changes}>
                <thead>
                  <tr>
                    <th>Change</th>
                    <th>Kind</th>
                    <th>Name</th>
                    <th>Fields</th>
                  </tr>
                </thead>
                <tbody>
                  {real.map((c) => (
                    <tr key={c.resource + c.name}>
                      <td>
                        <Pill tone={TONE[c.outcome]}>{c.outcome.charAt(0).toUpperCase() + c.outcome.slice(1)}</Pill>
                      </td>
                      <td>{c.resource}</td>
                      <td className="mono">{c.name}</td>
                      <td>{(c.fields ?? []).join(', ')}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Panel>
        )}
      </PageBody>
    </>
  );
}

function Refused({ problem }: { problem: unknown }) {
  const fields = problem instanceof Problem ? problem.fields : [];
  return (
    <Panel title="The file is refused">
      <div role="alert">
        {messageOf(problem)} Nothing was changed.
        {fields.length > 0 && (
          <ul className={classes.errors}>
            {fields.map((f) => (
              <li key={f.path + f.message}>
                <span className="mono">{f.path}</span> {f.message}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}
