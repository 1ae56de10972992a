import { Button, Checkbox, FileInput } from '@mantine/core';
import { IconDownload, IconUpload } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { messageOf } from '@/api/problems';
import { integer } from '@/lib/format';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import classes from './import.module.css';
import { type ImportResult, LARGEST, mediaType, summary } from './model';

export const Route = createLazyRoute('/estate/import')({ component: Page });

function send(file: File, dry: boolean, partial: boolean): Promise<ImportResult> {
  return call(
    http.POST('/api/v1/items/import', {
      params: { query: { dry_run: dry, partial } },
      body: file as never,
      bodySerializer: (b: unknown) => b as File,
      headers: { 'Content-Type': mediaType(file.name) },
    }),
  );
}

function Page() {
  const client = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [partial, setPartial] = useState(false);
  const [busy, setBusy] = useState<'dry' | 'import'>();
  const [result, setResult] = useState<ImportResult>();
  const [problem, setProblem] = useState<unknown>();
  const large = file && file.size > LARGEST ? 'The file has more than 64 MiB. Split it.' : undefined;
  const run = async (dry: boolean) => {
    if (!file) return;
    setBusy(dry ? 'dry' : 'import');
    setProblem(undefined);
    try {
      setResult(await send(file, dry, partial));
      if (!dry) {
        done('The file is imported.');
        await client.invalidateQueries();
      }
    } catch (e) {
      setResult(undefined);
      setProblem(e);
    } finally {
      setBusy(undefined);
    }
  };
  const work = result ? result.created + result.updated : 0;
  const ready = !!result?.dry_run && work > 0 && (partial || result.rejected === 0);
  return (
    <>
      <PageHead title="Import items" parent={{ label: 'Items', to: '/estate/items' }}>
        <Spacer />
        <Button
          component="a"
          href="/api/v1/export/items?format=csv"
          download="items.csv"
          variant="default"
          leftSection={<IconDownload size={14} />}
        >
          Export as CSV
        </Button>
      </PageHead>
      <PageBody label="Import items">
        <Panel title="File" note="CSV, JSON, or one JSON object a line; at most 64 MiB and 200,000 rows">
          <FileInput
            label="File to import"
            description="The first line of a CSV file names the columns: name, kind, title, owner, criticality, lifecycle, description, label:KEY, attribute:NAME, and relations such as runs_on. An empty cell changes nothing; a - empties the field."
            placeholder="Choose a file"
            accept=".csv,.tsv,.txt,.json,.ndjson,.jsonl"
            clearable
            leftSection={<IconUpload size={14} />}
            value={file}
            error={large}
            onChange={(f) => {
              setFile(f);
              setResult(undefined);
              setProblem(undefined);
            }}
          />
          <Checkbox
            mt={12}
            label="Import the right rows even if others are wrong"
            checked={partial}
            onChange={(e) => setPartial(e.currentTarget.checked)}
          />
          <div className={classes.end}>
            <Button
              variant="default"
              disabled={!file || !!large}
              loading={busy === 'dry'}
              onClick={() => void run(true)}
            >
              Show the changes
            </Button>
            <Button disabled={!ready} loading={busy === 'import'} onClick={() => void run(false)}>
              {ready ? `Import ${integer(work)} ${work === 1 ? 'item' : 'items'}` : 'Import'}
            </Button>
          </div>
        </Panel>
        {problem !== undefined && (
          <Panel title="The file is refused">
            <div role="alert">{messageOf(problem)}</div>
          </Panel>
        )}
        {result && result.mistakes.length > 0 && <Mistakes result={result} partial={partial} />}
        {result && <Changes result={result} />}
      </PageBody>
    </>
  );
}

function Mistakes({ result, partial }: { result: ImportResult; partial: boolean }) {
  const more = result.mistake_count - result.mistakes.length;
  return (
    <Panel title="Wrong rows" note={integer(result.rejected)} flush>
      <p className={classes.note} role="alert">
        {partial
          ? 'These rows are left out. '
          : 'While a row is wrong, nothing is imported. Mend the file, or import the right rows only. '}
        {more > 0 && `${integer(more)} more mistakes are not shown.`}
      </p>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th>Line</th>
              <th>Column</th>
              <th>Value</th>
              <th>What is wrong</th>
            </tr>
          </thead>
          <tbody>
            {result.mistakes.map((m) => (
              <tr key={`${m.line}${m.column}${m.message}${m.value}`}>
                <td className="num">{m.line}</td>
                <td className="mono">{m.column}</td>
                <td className="mono">{m.value}</td>
                <td>{m.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Changes({ result }: { result: ImportResult }) {
  const more = result.created + result.updated - result.changes.length;
  return (
    <Panel title={result.dry_run ? 'What would change' : 'What was changed'} note={summary(result)} flush>
      {result.changes.length === 0 ? (
        <p className={classes.note}>Nothing. Everything in the file is there already.</p>
      ) : (
        <div className={classes.scroll}>
          <table className={classes.table}>
            <thead>
              <tr>
                <th>Change</th>
                <th>Item</th>
                <th>Fields</th>
              </tr>
            </thead>
            <tbody>
              {result.changes.map((c) => (
                <tr key={c.line}>
                  <td>
                    <Pill tone={c.outcome === 'created' ? 'ok' : 'warn'}>
                      {c.outcome === 'created' ? 'New' : 'Changed'}
                    </Pill>
                  </td>
                  <td className="mono">
                    {result.dry_run && c.outcome === 'created' ? (
                      c.name
                    ) : (
                      <Link to={`/estate/items/${encodeURIComponent(c.name)}` as string}>{c.name}</Link>
                    )}
                  </td>
                  <td>{c.fields.join('; ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {more > 0 && <p className={classes.note}>And {integer(more)} more.</p>}
    </Panel>
  );
}
