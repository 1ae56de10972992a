import { Button, Drawer, SegmentedControl } from '@mantine/core';
import { IconPlus, IconRoute } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import type { CSSProperties } from 'react';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { SearchBox } from '@/ui/Filters';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { toneOf } from '@/ui/tone';
import { PathForm } from './form';
import { Graph } from './graph';
import { lossText, mosWord, ms } from './model';
import classes from './path.module.css';
import { listQuery, type Over, pathURL, type Summary } from './queries';

export const Route = createLazyRoute('/observe/paths')({ component: Page });

const OVERS = ['5m', '10m', '30m', '1h'] as const;

function Page() {
  const [s, set] = useUrlState<{ q?: string; over?: string; add?: true }>();
  const over: Over = OVERS.find((o) => o === s.over) ?? '10m';
  const may = useCan()('path.write');
  const query = useQuery({ ...listQuery(s.q, over), placeholderData: (old) => old, refetchInterval: 15_000 });
  useLiveQuery('paths', ['paths', 'list']);
  const add = () => set({ add: true });
  return (
    <>
      <PageHead title="Paths">
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Name or target"
          label="Find paths"
        />
        <Spacer />
        <SegmentedControl
          aria-label="Window of the figures"
          data={OVERS.map((o) => ({ value: o, label: o }))}
          value={over}
          onChange={(v) => set({ over: v === '10m' ? undefined : v })}
        />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={add}>
            Add a path
          </Button>
        )}
      </PageHead>
      <PageBody label="Paths">
        <Loaded query={query} what="The paths">
          {(d) =>
            d.items.length ? (
              <>
                <div className={classes.wall}>
                  {d.items.map((p) => (
                    <Tile key={p.id} path={p} />
                  ))}
                </div>
                {d.next && <p className="muted">Only the first 500 are shown. Search for others by name.</p>}
              </>
            ) : s.q ? (
              <EmptyState icon={IconRoute} title="No path fits" hint="Search for another name or target." />
            ) : (
              <EmptyState
                icon={IconRoute}
                title="No path is measured"
                hint="Name a target, and Mainstay measures every hop on the way to it, all the time."
              >
                {may && <Button onClick={add}>Add a path</Button>}
              </EmptyState>
            )
          }
        </Loaded>
      </PageBody>
      <Drawer
        opened={!!s.add && may}
        onClose={() => set({ add: undefined })}
        position="right"
        title="Add a path"
        size={440}
      >
        {s.add && <PathForm old={undefined} onClose={() => set({ add: undefined })} />}
      </Drawer>
    </>
  );
}

function Tile({ path: p }: { path: Summary }) {
  const tone = toneOf(p.state);
  const lossy = p.end.loss > 0;
  return (
    <Link
      to={pathURL(p.name) as string}
      className={classes.tile}
      style={{ '--tone': `var(--${tone === 'plain' ? 'tx-3' : `st-${tone}`})` } as CSSProperties}
    >
      <span className={classes.top}>
        <b title={p.name}>{p.name}</b>
        <StatusMark state={p.state} />
      </span>
      <span className={classes.where} title={p.problem || undefined}>
        {p.problem || `${p.host} by ${p.proto.toUpperCase()}${p.from === 'server' ? '' : `, from ${p.from}`}`}
      </span>
      <Graph name={`Round trip and loss of ${p.name}`} data={p.timeline} height={38} />
      <span className={classes.facts}>
        <span className="num">
          <span data-bad={lossy || undefined}>{p.end.sent ? lossText(p.end.loss) : '–'}</span>
          <small>loss</small>
        </span>
        <span className="num">
          {ms(p.end.mean_ms)}
          <small>ms</small>
        </span>
        <span className="num">
          {ms(p.end.jitter_ms)}
          <small>jitter</small>
        </span>
        <span className="num" title={mosWord(p.mos)}>
          {p.mos ? p.mos.toFixed(1) : '–'}
          <small>MOS</small>
        </span>
      </span>
      <span className={classes.where}>
        {p.hops > 0 && `${p.hops} ${p.hops === 1 ? 'hop' : 'hops'}`}
        {p.route_changed_at && (
          <>
            , route changed <Time at={p.route_changed_at} />
          </>
        )}
      </span>
    </Link>
  );
}
