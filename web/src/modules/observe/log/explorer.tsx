import { ActionIcon, Button, Loader, Switch, Tooltip } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconRefresh, IconSearchOff, IconTextWrap } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { messageOf, Problem } from '@/api/problems';
import { integer } from '@/lib/format';
import { type Preset, resolveRange } from '@/lib/range';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Skeleton } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { TimeRange } from '@/ui/TimeRange';
import { Around } from './around';
import { Fields } from './fields';
import { Histogram } from './histogram';
import { type LineActions, Lines } from './lines';
import classes from './logs.module.css';
import { columnsOf, isLines, isNumeric, type Row, splitPipes, withFilter } from './model';
import { NoLogs } from './no-logs';
import { type Asked, hitsQuery, statusQuery } from './queries';
import { QueryInput } from './query-input';
import { useRows, useTail } from './use-lines';
import { Views } from './views';

export const Route = createLazyRoute('/observe/logs')({ component: Explorer });

interface Search {
  q?: string;
  from?: string;
  to?: string;
  cols?: string[];
  live?: true;
  wrap?: true;
}

const FALLBACK = '-1h';
const PRESETS: Preset[] = [
  { value: '-15m', label: '15m' },
  { value: '-1h', label: '1h' },
  { value: '-6h', label: '6h' },
  { value: '-24h', label: '24h' },
  { value: '-7d', label: '7d' },
];
const NO_COLS: string[] = [];

function Explorer() {
  const [s, set] = useUrlState<Search>();
  const q = s.q ?? '';
  const live = !!s.live;
  const cols = s.cols ?? NO_COLS;
  // A relative range is fixed until the search is run again, so that pages and counts belong together.
  const [ran, setRan] = useState(() => Date.now());
  const [around, setAround] = useState<Row>();
  const range = useMemo(() => resolveRange({ from: s.from, to: s.to }, ran, FALLBACK), [s.from, s.to, ran]);
  const asked: Asked = useMemo(
    () => ({ query: q, start: range.from.toISOString(), end: range.to.toISOString() }),
    [q, range],
  );
  // Counts of fields and levels are about the lines; what is calculated from them has none.
  const counted: Asked = useMemo(() => ({ ...asked, query: splitPipes(q)[0] }), [asked, q]);

  // While it is live, counts follow the clock.
  useEffect(() => {
    if (!live) return;
    const t = setInterval(() => setRan(Date.now()), 10_000);
    return () => clearInterval(t);
  }, [live]);

  const status = useQuery(statusQuery);
  const { query, rows: found, full } = useRows(asked, !live);
  const tail = useTail(q, live);
  const hits = useQuery(hitsQuery(counted));
  const rows = live ? tail.rows : found;
  const error = live ? tail.error : query.error;
  const wrong = error instanceof Problem && error.status === 422 ? error : undefined;
  const problem = wrong ? (wrong.fields[0]?.message ?? wrong.message) : undefined;

  const run = useCallback(
    (text: string) => {
      setRan(Date.now());
      set({ q: text || undefined }, { push: true });
    },
    [set],
  );
  const actions: LineActions = useMemo(
    () => ({
      filter: (name, value, out) => run(withFilter(q, name, value, out)),
      column: (name) =>
        set({ cols: cols.includes(name) ? cols.filter((c) => c !== name) : [...cols, name].slice(0, 6) }),
      around: setAround,
    }),
    [run, set, q, cols],
  );
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = query;
  const more = useMemo(
    () => (!live && hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined),
    [live, hasNextPage, isFetchingNextPage, fetchNextPage],
  );
  const end = live
    ? 'What came before the tail began is in the search.'
    : isFetchingNextPage
      ? 'Reading older lines…'
      : full
        ? 'The page holds no more lines. Narrow the search or the range to see older ones.'
        : hasNextPage
          ? ''
          : 'No older lines in this range.';

  const nothingYet = status.data?.rows === 0 && rows.length === 0 && !q;
  const busy = !live && query.isFetching;
  return (
    <>
      <PageHead title="Logs">
        <Spacer />
        <span className={classes.wideOnly}>
          <TimeRange
            value={{ from: s.from, to: s.to }}
            presets={PRESETS}
            fallback={FALLBACK}
            onChange={(r) => {
              setRan(Date.now());
              set({ from: r.from, to: r.to, live: undefined }, { push: true });
            }}
          />
        </span>
        <Views
          query={q}
          since={s.from?.startsWith('-') ? s.from.slice(1) : FALLBACK.slice(1)}
          cols={cols}
          onOpen={(v) => {
            setRan(Date.now());
            set(
              { q: v.query || undefined, from: `-${v.since}`, to: undefined, cols: v.fields, live: undefined },
              { push: true },
            );
          }}
        />
      </PageHead>
      <div className={classes.bar}>
        <QueryInput value={q} onRun={run} asked={asked} error={problem} />
        <Tooltip label="Search again">
          <ActionIcon variant="default" size={30} aria-label="Search again" onClick={() => run(q)} disabled={live}>
            {busy ? <Loader size={13} /> : <IconRefresh size={14} />}
          </ActionIcon>
        </Tooltip>
        <Switch
          label="Live"
          checked={live}
          onChange={(e) => set({ live: e.currentTarget.checked || undefined }, { push: true })}
        />
        {live && (
          <Button
            variant="default"
            leftSection={tail.paused ? <IconPlayerPlay size={13} /> : <IconPlayerPause size={13} />}
            onClick={() => tail.setPaused(!tail.paused)}
          >
            {tail.paused ? `Go on${tail.waiting ? ` (${integer(tail.waiting)} new)` : ''}` : 'Pause'}
          </Button>
        )}
        <Tooltip label={s.wrap ? 'One line each' : 'Wrap long lines'}>
          <ActionIcon
            variant={s.wrap ? 'light' : 'default'}
            size={30}
            aria-label="Wrap long lines"
            aria-pressed={!!s.wrap}
            onClick={() => set({ wrap: s.wrap ? undefined : true })}
          >
            <IconTextWrap size={14} />
          </ActionIcon>
        </Tooltip>
      </div>
      <div className={classes.phoneRange}>
        <TimeRange
          value={{ from: s.from, to: s.to }}
          presets={PRESETS}
          fallback={FALLBACK}
          onChange={(r) => {
            setRan(Date.now());
            set({ from: r.from, to: r.to, live: undefined }, { push: true });
          }}
        />
      </div>
      {problem && (
        <p className={classes.problem} role="alert">
          The query {problem.startsWith('cannot') || problem.startsWith('a live') ? '' : 'is not right: '}
          {problem}.
        </p>
      )}
      {nothingYet ? (
        <NoLogs />
      ) : (
        <div className={classes.body}>
          <Fields asked={wrong ? { ...asked, query: '' } : counted} cols={cols} actions={actions} />
          <section className={classes.main} aria-label="Lines">
            {hits.data && !wrong && (
              <Histogram
                hits={hits.data}
                onZoom={(from, to) =>
                  set({ from: from.toISOString(), to: to.toISOString(), live: undefined }, { push: true })
                }
              />
            )}
            {!error && (
              <p className={classes.count} role="status">
                {live
                  ? `${tail.paused ? 'Paused. ' : tail.connected ? 'Live. ' : 'The connection is lost, trying again. '}${integer(rows.length)} lines since the tail began${tail.skipped ? `; ${integer(tail.skipped)} came too fast to be shown` : ''}`
                  : hits.data && isLines(rows)
                    ? `${integer(hits.data.total)} ${hits.data.total === 1 ? 'line' : 'lines'}`
                    : query.data && !isLines(rows)
                      ? `${integer(rows.length)} ${rows.length === 1 ? 'row' : 'rows'}`
                      : ' '}
              </p>
            )}
            <Answer
              rows={rows}
              loading={!live && query.isPending}
              error={wrong ? undefined : error}
              wrong={!!wrong}
              retry={() => void query.refetch()}
              live={live}
              q={q}
              clear={() => run('')}
              widen={() => {
                setRan(Date.now());
                set({ from: '-7d', to: undefined }, { push: true });
              }}
            >
              <Lines
                key={live ? `live ${q}` : `${q} ${asked.start}`}
                rows={rows}
                cols={cols}
                wrap={!!s.wrap}
                dates={range.to.getTime() - range.from.getTime() > 86_400_000}
                actions={actions}
                more={more}
                end={end}
              />
            </Answer>
          </section>
        </div>
      )}
      <Around row={around} onClose={() => setAround(undefined)} />
    </>
  );
}

function Answer({
  rows,
  loading,
  error,
  wrong,
  retry,
  live,
  q,
  clear,
  widen,
  children,
}: {
  rows: Row[];
  loading: boolean;
  error: unknown;
  wrong: boolean;
  retry: () => void;
  live: boolean;
  q: string;
  clear: () => void;
  widen: () => void;
  children: React.ReactNode;
}) {
  if (error) return <ErrorState what="The lines" error={messageOf(error) ? error : new Error()} retry={retry} />;
  if (wrong)
    return <EmptyState icon={IconSearchOff} title="No answer yet" hint="Mend the query above, then press Enter." />;
  if (loading) return <Skeleton rows={18} height={24} />;
  if (rows.length === 0)
    return live ? (
      <EmptyState title="Waiting for lines" hint="They show here within a second of their arrival." />
    ) : (
      <EmptyState
        icon={IconSearchOff}
        title="No lines in this range"
        hint={q ? 'Nothing matches the query. Take a word out, or look at a longer time.' : 'Look at a longer time.'}
      >
        <div style={{ display: 'flex', gap: 8 }}>
          <Button variant="default" onClick={widen}>
            Look at 7 days
          </Button>
          {q && (
            <Button variant="default" onClick={clear}>
              Clear the query
            </Button>
          )}
        </div>
      </EmptyState>
    );
  if (!isLines(rows)) return <Results rows={rows} />;
  return children;
}

/** What a query with pipes has calculated. */
function Results({ rows }: { rows: Row[] }) {
  const cols = columnsOf(rows);
  const numeric = new Set(cols.filter((c) => isNumeric(rows, c)));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
    <section className={classes.results} tabIndex={0} aria-label="Results">
      <table className="plain">
        <thead>
          <tr>
            {cols.map((c) => (
              <th key={c} data-right={numeric.has(c) || undefined}>
                {c}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name of their own
            <tr key={i}>
              {cols.map((c) => (
                <td key={c} className="num" data-right={numeric.has(c) || undefined}>
                  {r[c]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
