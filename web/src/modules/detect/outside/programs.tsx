import { Button, Select, Textarea } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useUrlState } from '@/lib/url';
import { CopyButton } from '@/ui/CopyButton';
import { ErrorState } from '@/ui/ErrorState';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { PROGRAMS, type Program } from './model';
import classes from './outside.module.css';
import { addressQuery, tryPayload } from './queries';
import { Outcome } from './tried';

/** What to set in each program. */
export function Programs() {
  const [s, set] = useUrlState<{ show?: string }>();
  const query = useQuery(addressQuery);
  const shown = PROGRAMS.find((p) => p.title === s.show) ?? (PROGRAMS[0] as Program);
  return (
    <PageBody label="Programs">
      <Loaded query={query} what="The address of this server">
        {(o) => (
          <>
            <Panel
              title="Connect a program"
              note="TOKEN stands for an API token with the scope observe.ingest."
              tools={
                <Button component={Link} to={'/settings/tokens' as string} variant="default" size="compact-sm">
                  Make a token
                </Button>
              }
            >
              <div className={classes.programs} role="group" aria-label="Program">
                {PROGRAMS.map((p) => (
                  <Button
                    key={p.title}
                    size="compact-sm"
                    variant={p === shown ? 'filled' : 'default'}
                    aria-pressed={p === shown}
                    onClick={() => set({ show: p.title })}
                  >
                    {p.title}
                  </Button>
                ))}
              </div>
              <How program={shown} address={o.url + shown.path} />
            </Panel>
            <TryPanel key={shown.title} program={shown} />
          </>
        )}
      </Loaded>
    </PageBody>
  );
}

function How({ program: p, address }: { program: Program; address: string }) {
  const text = p.paste?.text(address);
  return (
    <>
      <p className={classes.address}>
        <span className="muted">Address</span> <code>{address}</code>{' '}
        <CopyButton value={address} label={`Copy the address for ${p.title}`} />
      </p>
      <ol className={classes.steps}>
        {p.steps.map((x) => (
          <li key={x}>{x}</li>
        ))}
      </ol>
      {text && (
        <figure className={classes.paste}>
          <figcaption>
            {p.paste?.label} <CopyButton value={text} label={`Copy ${p.paste?.label}`} />
          </figcaption>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, and that must work by keyboard */}
          <pre tabIndex={0}>{text}</pre>
        </figure>
      )}
    </>
  );
}

function TryPanel({ program: p }: { program: Program }) {
  const paths = p.name === 'alertmanager' ? ['/api/v2/alerts', '/webhook'] : [];
  const [payload, setPayload] = useState('');
  const [path, setPath] = useState(p.path.endsWith('/webhook') ? '/webhook' : (paths[0] ?? ''));
  const run = useMutation({ mutationFn: () => tryPayload({ program: p.name, path: path || undefined, payload }) });
  return (
    <Panel title="Try a payload" note="Nothing is kept.">
      <div className={classes.try}>
        {paths.length > 0 && (
          <Select
            label="Path"
            data={paths}
            value={path}
            allowDeselect={false}
            onChange={(v) => setPath(v ?? '')}
            w={220}
          />
        )}
        <Textarea
          label={`What ${p.title} sends`}
          value={payload}
          onChange={(e) => setPayload(e.currentTarget.value)}
          autosize
          minRows={5}
          maxRows={16}
          spellCheck={false}
          classNames={{ input: 'mono' }}
        />
        <Button onClick={() => run.mutate()} loading={run.isPending} disabled={!payload.trim()} variant="default">
          Try
        </Button>
        {run.isError && <ErrorState what="The payload" error={run.error} small />}
        {run.data && <Outcome tried={run.data} />}
      </div>
    </Panel>
  );
}
