import { Button, Drawer, Menu, Textarea } from '@mantine/core';
import { IconDownload, IconPencil, IconPrinter, IconRoute, IconZoomOut } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { type Range, resolveRange } from '@/lib/range';
import { useLiveQuery } from '@/lib/stream';
import { absolute, useZone } from '@/lib/time';
import { useUrlState } from '@/lib/url';
import { CopyButton } from '@/ui/CopyButton';
import { DateTimeField } from '@/ui/DateTimeField';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel, Stat, Stats } from '@/ui/Panel';
import { TimelineList } from '@/ui/TimelineList';
import { TimeRange } from '@/ui/TimeRange';
import { done, failed } from '@/ui/toast';
import { PathForm } from './form';
import { Graph, type Mark } from './graph';
import { Hops } from './hops';
import { lossText, mosWord, ms, shareURL } from './model';
import classes from './path.module.css';
import { comment, FALLBACK, pathQuery, pathURL, type Report, uncomment, WINDOWS } from './queries';

export const Route = createLazyRoute('/observe/paths/$name')({ component: Page });

interface Search extends Range {
  hop?: string;
  edit?: true;
}

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [s, set] = useUrlState<Search>();
  const follows = resolveRange(s, Date.now(), FALLBACK).live;
  const query = useQuery(pathQuery(name, s));
  useLiveQuery('paths', follows ? ['paths', 'one', name] : ['paths', 'none'], name);
  const may = useCan()('path.write');
  const window = (from: string, to: string) => set({ from, to }, { push: true });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const d = query.data;
  const pdf = d ? `/api/v1${pathURL(name).replace('/observe', '')}/report?from=${d.from}&to=${d.to}&zone=${zone}` : '';
  return (
    <>
      <PageHead title={name} parent={{ label: 'Paths', to: '/observe/paths' }}>
        <Spacer />
        {!follows && (
          <Button
            variant="default"
            leftSection={<IconZoomOut size={14} />}
            onClick={() => set({ from: undefined, to: undefined }, { push: true })}
          >
            Back to now
          </Button>
        )}
        <TimeRange value={s} onChange={set} presets={WINDOWS} fallback={FALLBACK} />
        {d && (
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" leftSection={<IconPrinter size={14} />}>
                Report
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item component="a" href={pdf} target="_blank" leftSection={<IconDownload size={14} />}>
                PDF for the provider
              </Menu.Item>
              <Menu.Item leftSection={<IconPrinter size={14} />} onClick={() => globalThis.print()}>
                Print this page
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
        {d && (
          <CopyButton
            value={location.origin + shareURL(pathURL(name), d.from, d.to)}
            label="Copy a link to this window"
          />
        )}
        {may && d && (
          <Button variant="default" leftSection={<IconPencil size={14} />} onClick={() => set({ edit: true })}>
            Edit
          </Button>
        )}
      </PageHead>
      <PageBody label="Path">
        <Loaded query={query} what="The path" rows={12}>
          {(r) => (
            <Content report={r} open={s.hop} onOpen={(hop) => set({ hop })} onWindow={window} follows={follows} />
          )}
        </Loaded>
      </PageBody>
      <Drawer
        opened={!!s.edit && may && !!d}
        onClose={() => set({ edit: undefined })}
        position="right"
        title="Edit the path"
        size={440}
      >
        {s.edit && d && <PathForm old={d.path} onClose={() => set({ edit: undefined })} />}
      </Drawer>
    </>
  );
}

function Content({
  report: r,
  open,
  onOpen,
  onWindow,
  follows,
}: {
  report: Report;
  open: string | undefined;
  onOpen: (ttl: string | undefined) => void;
  onWindow: (from: string, to: string) => void;
  follows: boolean;
}) {
  const zone = useZone();
  const marks = useMemo<Mark[]>(
    () => [
      ...r.changes.map((c) => ({ at: c.at, kind: 'route' as const, text: `Route: ${c.text}` })),
      ...r.comments.map((c) => ({ at: c.at, kind: 'comment' as const, text: `${c.author}: ${c.text}` })),
    ],
    [r.changes, r.comments],
  );
  return (
    <>
      <p className={classes.printOnly}>
        {absolute(r.from, zone)} to {absolute(r.to, zone)},{' '}
        {zone === 'utc' ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone}
      </p>
      <Stats>
        <Stat label="Target" value={r.path.host} note={targetNote(r)} />
        <Stat
          label="Loss"
          value={r.end.sent ? lossText(r.end.loss) : '–'}
          note={`${integer(r.end.lost)} of ${integer(r.end.sent)}`}
        />
        <Stat
          label="Round trip"
          value={r.end.mean_ms === undefined ? '–' : `${ms(r.end.mean_ms)} ms`}
          note={r.end.mean_ms === undefined ? 'no answer' : `${ms(r.end.min_ms)} to ${ms(r.end.max_ms)} ms`}
        />
        <Stat
          label="Jitter"
          value={r.end.jitter_ms === undefined ? '–' : `${ms(r.end.jitter_ms)} ms`}
          note={`now ${ms(r.end.last_ms)} ms`}
        />
        <Stat label="Voice (MOS)" value={r.mos ? r.mos.toFixed(1) : '–'} note={mosWord(r.mos)} />
        <Stat
          label="Hops"
          value={r.distance || '–'}
          note={r.changes.length === 1 ? '1 change of the route' : `${r.changes.length} changes of the route`}
        />
      </Stats>
      {r.problem && (
        <Panel title="Nothing is measured now">
          <p role="alert">{r.problem}</p>
        </Panel>
      )}
      {r.rounds === 0 ? (
        !r.problem && (
          <EmptyState
            icon={IconRoute}
            title={r.path.disabled ? 'This path is switched off' : 'Nothing was measured in this window'}
            hint={follows ? 'The first round comes within seconds.' : 'Choose another window above.'}
          />
        )
      ) : (
        <>
          <Panel title="Round trip and loss of the target" note="Drag over it to look at a window">
            <Graph
              name={`Round trip and loss of ${r.path.name}`}
              data={r.timeline}
              from={r.from}
              to={r.to}
              height={170}
              marks={marks}
              axis
              onWindow={onWindow}
            />
            <div className={classes.key} aria-hidden="true">
              <span>
                <i style={{ background: 'var(--s1)' }} />
                mean and range of the answers
              </span>
              <span>
                <i style={{ background: 'var(--st-down)' }} />
                lost, full height is all
              </span>
              <span>
                <i style={{ background: 'var(--st-maint)' }} />
                change of the route
              </span>
              <span>
                <i style={{ background: 'var(--accent)' }} />
                comment
              </span>
            </div>
          </Panel>
          <Panel title="Hops" note="A number opens the timeline of its hop" flush>
            <Hops
              report={r}
              open={open ? Number(open) : undefined}
              onOpen={(ttl) => onOpen(ttl === undefined ? undefined : String(ttl))}
              marks={marks}
              onWindow={onWindow}
            />
          </Panel>
          {r.findings.length > 0 && (
            <Panel title="What this means">
              <ul className={classes.findings}>
                {r.findings.map((f) => (
                  <li key={f}>{f}</li>
                ))}
              </ul>
            </Panel>
          )}
          <Changes report={r} onWindow={onWindow} />
        </>
      )}
      <Comments report={r} />
    </>
  );
}

function targetNote(r: Report) {
  const how = `${(r.path.proto ?? 'icmp').toUpperCase()}${r.path.port ? ` ${r.path.port}` : ''} every ${r.path.every}`;
  return r.path.item ? (
    <>
      <Link to={`/estate/items/${encodeURIComponent(r.path.item)}` as string}>{r.path.item}</Link>, {how}
    </>
  ) : (
    `${r.address && r.address !== r.path.host ? `${r.address}, ` : ''}${how}`
  );
}

const AROUND = 5 * 60_000;

function Changes({ report: r, onWindow }: { report: Report; onWindow: (from: string, to: string) => void }) {
  if (!r.changes.length) return null;
  return (
    <Panel title="Changes of the route" note={integer(r.changes.length)}>
      <TimelineList
        label="Changes of the route"
        entries={r.changes.slice(0, 50).map((c) => ({
          id: c.at + c.text,
          at: c.at,
          text: c.text,
          icon: 'state' as const,
          body: (
            <Button
              className={classes.noPrint}
              variant="subtle"
              size="compact-xs"
              onClick={() => {
                const t = new Date(c.at).getTime();
                onWindow(new Date(t - AROUND).toISOString(), new Date(Math.min(t + AROUND, Date.now())).toISOString());
              }}
            >
              Look at this time
            </Button>
          ),
        }))}
      />
      {r.changes.length > 50 && (
        <p className="muted">And {integer(r.changes.length - 50)} older ones; choose a shorter window.</p>
      )}
    </Panel>
  );
}

function Comments({ report: r }: { report: Report }) {
  const client = useQueryClient();
  const may = useCan()('path.comment');
  const [text, setText] = useState('');
  const [at, setAt] = useState('');
  const [busy, setBusy] = useState(false);
  const run = async (what: string, f: () => Promise<unknown>, after: () => void) => {
    setBusy(true);
    try {
      await f();
      await client.invalidateQueries({ queryKey: ['paths', 'one', r.path.name] });
      after();
    } catch (e) {
      failed(what, e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel title="Comments">
      {r.comments.length > 0 && (
        <TimelineList
          label="Comments"
          entries={r.comments.map((c) => ({
            id: c.id,
            at: c.at,
            actor: c.author,
            text: '',
            icon: 'comment' as const,
            body: (
              <>
                {c.text}{' '}
                {may && (
                  <Button
                    className={classes.noPrint}
                    variant="subtle"
                    size="compact-xs"
                    onClick={() =>
                      void run(
                        'Removing',
                        () => uncomment(r.path.name, c.id),
                        () => done('The comment is removed.'),
                      )
                    }
                  >
                    Remove
                  </Button>
                )}
              </>
            ),
          }))}
        />
      )}
      {may ? (
        <form
          className={classes.say}
          onSubmit={(e) => {
            e.preventDefault();
            if (!text.trim()) return;
            void run(
              'Commenting',
              () => comment(r.path.name, at || new Date().toISOString(), text.trim()),
              () => setText(''),
            );
          }}
        >
          <Textarea
            label="Comment"
            placeholder="The provider changes a line"
            autosize
            minRows={1}
            maxLength={2000}
            value={text}
            onChange={(e) => setText(e.currentTarget.value)}
          />
          <DateTimeField label="About (now when empty)" value={at} onChange={setAt} />
          <Button type="submit" variant="default" loading={busy} disabled={!text.trim()}>
            Comment
          </Button>
        </form>
      ) : (
        r.comments.length === 0 && <p className="muted">There are none in this window.</p>
      )}
    </Panel>
  );
}
