import { ActionIcon, Button, Menu, SegmentedControl, Select, Switch, Tooltip } from '@mantine/core';
import { IconChartLine, IconDotsVertical, IconListSearch, IconPlus, IconRefresh } from '@tabler/icons-react';
import { useQueries, useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { messageOf } from '@/api/problems';
import { useCan } from '@/lib/permissions';
import { resolveRange } from '@/lib/range';
import { spanSeconds } from '@/lib/span';
import { useUrlState } from '@/lib/url';
import { copyText } from '@/ui/CopyButton';
import { EmptyState } from '@/ui/EmptyState';
import { Skeleton } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { TimeRange } from '@/ui/TimeRange';
import { done } from '@/ui/toast';
import { Browser } from './browser';
import { Editor } from './editor';
import { Graph } from './graph';
import { Legend } from './legend';
import classes from './metric.module.css';
import { csv, fittingStep, keyOf, type Line, letterOf, MAX_POINTS, MAX_QUERIES, shortNames, unitOf } from './model';
import { namesIn } from './promql';
import { checkQuery, instantQuery, marksOf, metricQuery, rangeQuery } from './queries';
import { QueryMenu } from './query-menu';
import { Values } from './table';
import { useHistory } from './use-history';

export const Route = createLazyRoute('/observe/metrics')({ component: Explorer });

interface Search {
  q?: string[];
  off?: string[];
  from?: string;
  to?: string;
  step?: string;
  shift?: string;
  view?: 'table';
  only?: string;
  log?: true;
  stack?: true;
  events?: true;
  browse?: true;
}

const FALLBACK = '-1h';
const SHIFTS = [
  { value: '', label: 'No comparison' },
  { value: '1h', label: 'One hour earlier' },
  { value: '1d', label: 'One day earlier' },
  { value: '7d', label: 'One week earlier' },
  { value: '28d', label: 'Four weeks earlier' },
];
const STEPS = ['10s', '30s', '1m', '5m', '15m', '1h', '6h', '1d'];
/** Lines that are drawn; more make a graph slow and say nothing. */
const DRAWN = 60;
const NONE: string[] = [];

function Explorer() {
  const [s, set] = useUrlState<Search>();
  const can = useCan();
  const queries = s.q ?? NONE;
  const off = s.off ?? NONE;
  const [ran, setRan] = useState(() => Date.now());
  const [history, remember] = useHistory();
  const range = useMemo(() => {
    const r = resolveRange({ from: s.from, to: s.to }, ran, FALLBACK);
    return { from: Math.floor(r.from.getTime() / 1000), to: Math.floor(r.to.getTime() / 1000) };
  }, [s.from, s.to, ran]);
  const length = range.to - range.from;
  const auto = fittingStep(length);
  const step = Math.max(spanSeconds(s.step ?? '') || auto, Math.ceil(length / MAX_POINTS), 1);
  const shift = spanSeconds(s.shift ?? '') || 0;
  const table = s.view === 'table';
  const shown = queries.map((q, i) => ({ q, letter: letterOf(i), on: !off.includes(letterOf(i)) && q.trim() !== '' }));

  // On the grid of the step, so that the same question is asked for the same moments.
  const span = { from: Math.ceil(range.from / step) * step, to: Math.floor(range.to / step) * step };
  const checks = useQueries({ queries: shown.map((x) => ({ ...checkQuery(x.q), enabled: x.on })) });
  const fine = (i: number) => !!shown[i]?.on && (checks[i]?.data?.mistakes.length ?? 1) === 0;
  const now = useQueries({
    queries: shown.map((x, i) => rangeQuery(x.letter, x.q, span, step, fine(i) && !table)),
  });
  const before = useQueries({
    queries: shown.map((x, i) =>
      rangeQuery(x.letter, x.q, { from: span.from - shift, to: span.to - shift }, step, fine(i) && !table && shift > 0),
    ),
  });
  const instant = useQueries({ queries: shown.map((x, i) => instantQuery(x.letter, x.q, range.to, fine(i) && table)) });
  const answers = table ? instant : now;
  const marks = useQuery({
    queryKey: ['metrics', 'marks', span.from, span.to],
    queryFn: ({ signal }) => marksOf(span, can, signal),
    enabled: !!s.events && !table,
    staleTime: 60_000,
  });

  const names = [...new Set(shown.flatMap((x) => namesIn(x.q)))].slice(0, 12);
  const infos = useQueries({ queries: names.map((n) => metricQuery(n)) });
  const units = shown
    .filter((x) => x.on)
    .map((x) => unitOf(x.q, (m) => infos[names.indexOf(m)]?.data?.unit || undefined));
  // One axis has one unit.
  const unit = new Set(units).size === 1 ? units[0] : undefined;

  const stamp = [...now, ...before].map((a) => a.dataUpdatedAt).join();
  const active = shown.map((x, i) => (fine(i) ? x.letter : '')).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: stamp and active stand for the answers
  const { lines, drawn } = useMemo(() => {
    const lines: Line[] = now.flatMap((a, i) => (fine(i) ? (a.data?.lines ?? []) : []));
    const names = shortNames(lines, (letter) => shown.find((x) => x.letter === letter)?.q);
    const several = new Set(lines.map((l) => l.letter)).size > 1;
    const all = lines.map((line, i) => ({
      line,
      name: several ? `${line.letter} ${names[i]}` : (names[i] ?? ''),
      color: (i % 8) + 1,
    }));
    const colors = new Map(all.map((d) => [keyOf(d.line), d]));
    const ghosts =
      shift > 0
        ? before.flatMap((a, i) =>
            !fine(i)
              ? []
              : (a.data?.lines ?? []).map((l) => {
                  const line = { ...l, x: l.x.map((t) => t + shift), ghost: true };
                  const of = colors.get(keyOf(line));
                  return { line, name: of?.name ?? names[0] ?? '', color: of?.color ?? 8 };
                }),
          )
        : [];
    return { lines, drawn: { all, ghosts } };
  }, [stamp, active, shift]);

  const only = s.only;
  const visible = useMemo(() => {
    const keep = (d: { line: Line }) => !only || keyOf(d.line) === only;
    const mine = drawn.all.filter(keep);
    return [...(mine.length ? mine : drawn.all).slice(0, DRAWN), ...drawn.ghosts.filter(keep).slice(0, DRAWN)];
  }, [drawn, only]);

  const run = useCallback(
    (i: number, text: string) => {
      const next = queries.length ? [...queries] : [''];
      next[i] = text;
      setRan(Date.now());
      remember(text);
      set({ q: next, only: undefined }, { push: true });
    },
    [queries, set, remember],
  );
  const add = (text: string) => {
    const empty = queries.findIndex((q) => !q.trim());
    run(empty >= 0 ? empty : Math.min(queries.length, MAX_QUERIES - 1), text);
  };
  const remove = (i: number) => {
    const next = queries.filter((_, n) => n !== i);
    set({ q: next.length ? next : undefined, off: undefined, only: undefined }, { push: true });
  };
  const toggle = (letter: string) => {
    set({ off: off.includes(letter) ? off.filter((l) => l !== letter) : [...off, letter] });
  };
  const download = () => {
    const all = table ? instant.flatMap((a) => a.data?.lines ?? []) : [...lines, ...drawn.ghosts.map((g) => g.line)];
    const url = URL.createObjectURL(new Blob([csv(all)], { type: 'text/csv' }));
    const a = document.createElement('a');
    a.href = url;
    a.download = 'metrics.csv';
    a.click();
    URL.revokeObjectURL(url);
  };

  const asked = shown.some((x) => x.on);
  const busy = answers.some((a) => a.isFetching) || before.some((a) => a.isFetching);
  const first = asked && answers.some((a) => a.isLoading);
  const count = table ? instant.flatMap((a) => a.data?.lines ?? []).length : lines.length;
  const rows = shown.length ? shown : [{ q: '', letter: 'A', on: true }];
  return (
    <>
      <PageHead title="Metrics">
        <Button
          variant={s.browse ? 'light' : 'default'}
          leftSection={<IconListSearch size={13} />}
          aria-pressed={!!s.browse}
          onClick={() => set({ browse: s.browse ? undefined : true })}
        >
          Browse
        </Button>
        <Spacer />
        <TimeRange
          value={{ from: s.from, to: s.to }}
          fallback={FALLBACK}
          onChange={(r) => {
            setRan(Date.now());
            set(r, { push: true });
          }}
        />
        <Tooltip label="Run again">
          <ActionIcon
            variant="default"
            size={28}
            aria-label="Run again"
            loading={busy}
            onClick={() => setRan(Date.now())}
          >
            <IconRefresh size={14} />
          </ActionIcon>
        </Tooltip>
      </PageHead>
      <div className={classes.body} data-browse={s.browse}>
        {s.browse && <Browser onUse={add} onClose={() => set({ browse: undefined })} />}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key */}
        <section className={classes.main} tabIndex={0} aria-label="Queries and their answers">
          <div className={classes.queries}>
            {rows.map((x, i) => (
              <div key={x.letter} className={classes.query} data-off={x.q && !x.on ? true : undefined}>
                <button
                  type="button"
                  className={classes.letter}
                  aria-pressed={x.on}
                  aria-label={`${x.on ? 'Hide' : 'Show'} query ${x.letter}`}
                  onClick={() => toggle(x.letter)}
                >
                  {x.letter}
                </button>
                <div className={classes.grow}>
                  <Editor
                    letter={x.letter}
                    value={x.q}
                    onRun={(t) => run(i, t)}
                    autoFocus={rows.length === 1 && !x.q}
                  />
                  {answers[i]?.isError && fine(i) && (
                    <p className={classes.mistake} role="alert">
                      {messageOf(answers[i]?.error)}
                    </p>
                  )}
                  {fine(i) &&
                    answers[i]?.data?.notes.map((n) => (
                      <p key={n} className={classes.note}>
                        {n}
                      </p>
                    ))}
                </div>
                <QueryMenu
                  query={x.q}
                  letter={x.letter}
                  on={x.on}
                  rule={can('rule.write')}
                  format={checks[i]?.data?.format}
                  history={history}
                  onPick={(t) => run(i, t)}
                  onToggle={() => toggle(x.letter)}
                  onRemove={() => remove(i)}
                />
              </div>
            ))}
            <div className={classes.tools}>
              <Button
                variant="subtle"
                leftSection={<IconPlus size={13} />}
                disabled={rows.length >= MAX_QUERIES || !rows.at(-1)?.q.trim()}
                onClick={() => set({ q: [...queries, ' '] })}
              >
                Add a query
              </Button>
              <Spacer />
              <SegmentedControl
                aria-label="Show as"
                data={[
                  { value: 'graph', label: 'Graph' },
                  { value: 'table', label: 'Table' },
                ]}
                value={table ? 'table' : 'graph'}
                onChange={(v) => set({ view: v === 'table' ? 'table' : undefined })}
              />
              {!table && (
                <>
                  <Select
                    aria-label="Step"
                    w={104}
                    data={[
                      {
                        value: '',
                        label: `Step ${auto < 60 ? `${auto}s` : auto < 3600 ? `${auto / 60}m` : `${auto / 3600}h`}`,
                      },
                      ...[...new Set([...STEPS, ...(s.step ? [s.step] : [])])].map((v) => ({ value: v, label: v })),
                    ]}
                    value={s.step ?? ''}
                    allowDeselect={false}
                    onChange={(v) => set({ step: v || undefined })}
                  />
                  <Select
                    aria-label="Compare with"
                    w={158}
                    data={
                      s.shift && !SHIFTS.some((x) => x.value === s.shift)
                        ? [...SHIFTS, { value: s.shift, label: `${s.shift} earlier` }]
                        : SHIFTS
                    }
                    value={s.shift ?? ''}
                    allowDeselect={false}
                    onChange={(v) => set({ shift: v || undefined })}
                  />
                  <Switch
                    label="Stacked"
                    checked={!!s.stack}
                    onChange={(e) => set({ stack: e.currentTarget.checked || undefined, log: undefined })}
                  />
                  <Switch
                    label="Log scale"
                    checked={!!s.log}
                    onChange={(e) => set({ log: e.currentTarget.checked || undefined, stack: undefined })}
                  />
                  <Switch
                    label="Events"
                    title="Incidents and deployments"
                    checked={!!s.events}
                    onChange={(e) => set({ events: e.currentTarget.checked || undefined })}
                  />
                </>
              )}
              <Menu position="bottom-end">
                <Menu.Target>
                  <ActionIcon variant="default" size={28} aria-label="Share and download">
                    <IconDotsVertical size={14} />
                  </ActionIcon>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={() => void copyText(fixedLink(range)).then(() => done('Copied the link.'))}>
                    Copy a link to this view
                  </Menu.Item>
                  <Menu.Item disabled={count === 0} onClick={download}>
                    Download as CSV
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            </div>
          </div>
          {!asked ? (
            <EmptyState
              icon={IconChartLine}
              title="Ask for a metric"
              hint="Write a query above. If you do not know what there is, browse the metrics: search by name or by what they mean."
            >
              {!s.browse && <Button onClick={() => set({ browse: true })}>Browse the metrics</Button>}
            </EmptyState>
          ) : first ? (
            <div className={classes.result}>
              <Skeleton rows={6} height={44} />
            </div>
          ) : count === 0 ? (
            !answers.some((a) => a.isError) &&
            !checks.some((c) => c.data?.mistakes.length) && (
              <EmptyState
                icon={IconChartLine}
                title="No series in this time"
                hint="The query reads well, and nothing answers it. Take a longer range, or fewer conditions."
              />
            )
          ) : table ? (
            <Values
              lines={instant.flatMap((a, i) => (fine(i) ? (a.data?.lines ?? []) : []))}
              unit={unit}
              at={range.to}
            />
          ) : (
            <div className={classes.result} data-busy={busy || undefined}>
              <Graph
                name={`${shown
                  .filter((x) => x.on)
                  .map((x) => x.q)
                  .join(', ')} over time`}
                drawn={visible}
                unit={unit}
                height={340}
                range={range}
                log={s.log}
                stack={s.stack}
                marks={s.events ? (marks.data ?? []) : []}
                onZoom={(a, b) =>
                  set(
                    { from: new Date(a * 1000).toISOString(), to: new Date(Math.max(b, a + 1) * 1000).toISOString() },
                    { push: true },
                  )
                }
              />
              {s.events && marks.isError && <p className={classes.mistake}>{messageOf(marks.error)}</p>}
              {s.events && !!marks.data?.length && (
                <p className={classes.events}>
                  {marks.data.slice(0, 8).map((m) => (
                    <Link key={`${m.kind}${m.at}${m.text}`} to={m.to as string} data-kind={m.kind}>
                      {m.text}
                    </Link>
                  ))}
                  {marks.data.length > 8 && <span className="muted">and {marks.data.length - 8} more</span>}
                </p>
              )}
              <Legend
                drawn={drawn.all}
                ghosts={drawn.ghosts}
                unit={unit}
                only={only}
                onOnly={(k) => set({ only: k })}
                drawnMost={DRAWN}
                more={now.some((a, i) => fine(i) && a.data?.more)}
              />
            </div>
          )}
        </section>
      </div>
    </>
  );
}

// A link that shows the same to others later: the range is written out.
function fixedLink(range: { from: number; to: number }): string {
  const u = new URL(location.href);
  u.searchParams.set('from', new Date(range.from * 1000).toISOString());
  u.searchParams.set('to', new Date(range.to * 1000).toISOString());
  return u.toString();
}
