import { Button, TextInput } from '@mantine/core';
import { IconFileSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { lazy, Suspense, useMemo, useState } from 'react';
import { call, http } from '@/api/client';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded, Skeleton } from '@/ui/Loading';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Tabs } from '@/ui/Tabs';
import { failed } from '@/ui/toast';
import classes from './capture.module.css';
import { bytesOf, type Capture, type Packet, printable } from './model';
import { PacketPane } from './packet';

const statistics = () => import('./statistics');
const Conversations = lazy(() => statistics().then((m) => ({ default: m.Conversations })));
const Endpoints = lazy(() => statistics().then((m) => ({ default: m.Endpoints })));
const Protocols = lazy(() => statistics().then((m) => ({ default: m.Protocols })));
const Objects = lazy(() => statistics().then((m) => ({ default: m.Objects })));
const graphs = () => import('./graphs');
const IOGraph = lazy(() => graphs().then((m) => ({ default: m.IOGraph })));
const Timing = lazy(() => graphs().then((m) => ({ default: m.Timing })));

export const Route = createLazyRoute('/observe/captures/$id')({ component: Page });

interface Search {
  filter?: string;
  packet?: string;
  tab?: 'stream' | 'timing' | 'findings';
  view?: View;
  line?: string[];
}
type View = 'conversations' | 'endpoints' | 'protocols' | 'graph' | 'objects';
const VIEWS = [
  { value: 'packets', label: 'Packets' },
  { value: 'conversations', label: 'Conversations' },
  { value: 'endpoints', label: 'Endpoints' },
  { value: 'protocols', label: 'Protocols' },
  { value: 'graph', label: 'Graph' },
  { value: 'objects', label: 'Objects' },
] as const;
const TABS = [
  { value: 'packet', label: 'Packet' },
  { value: 'stream', label: 'Stream' },
  { value: 'timing', label: 'Timing' },
  { value: 'findings', label: 'Findings' },
] as const;
const idOf = (p: Packet) => String(p.number);

const since = (p: Packet, first: string) => ((Date.parse(p.time) - Date.parse(first)) / 1000).toFixed(3);

function columns(first: string): Column<Packet>[] {
  return [
    { id: 'number', label: 'No.', width: 80, right: true, render: (p) => p.number },
    {
      id: 'time',
      label: 'Time',
      width: 100,
      right: true,
      render: (p) => <span title={p.time}>{since(p, first)}</span>,
    },
    { id: 'src', label: 'Source', width: 150, render: (p) => p.src },
    { id: 'dst', label: 'Destination', width: 150, render: (p) => p.dst },
    { id: 'protocol', label: 'Protocol', width: 90, render: (p) => p.protocol },
    { id: 'length', label: 'Length', width: 80, right: true, render: (p) => p.length },
    {
      id: 'info',
      label: 'Info',
      min: 300,
      main: true,
      render: (p) => <span className={p.severity ? classes[p.severity] : undefined}>{p.info}</span>,
    },
  ];
}

const card = (p: Packet) => (
  <>
    <span className="num" style={{ color: 'var(--tx-0)' }}>
      {p.number} <span className="muted">{p.protocol}</span>
    </span>
    <span className="num muted">{p.length} bytes</span>
    <span className={p.severity ? classes[p.severity] : undefined}>{p.info}</span>
    <span className="mono muted">
      {p.src} → {p.dst}
    </span>
  </>
);

function Page() {
  const { id } = Route.useParams();
  const capture = useQuery({
    queryKey: ['captures', 'one', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/captures/{id}', { params: { path: { id } }, signal })),
  });
  useLiveQuery('captures', ['captures', 'one', id], id);
  if (capture.data) return <View capture={capture.data} />;
  return (
    <>
      <PageHead title="Capture" parent={{ label: 'Captures', to: '/observe/captures' }} />
      <Loaded query={capture} what="The capture">
        {() => null}
      </Loaded>
    </>
  );
}

function View({ capture }: { capture: Capture }) {
  const { id, state } = capture;
  const [s, set] = useUrlState<Search>();
  const can = useCan();
  const stop = () =>
    call(http.POST('/api/v1/captures/{id}/stop', { params: { path: { id } } })).catch((e) =>
      failed('The capture did not stop', e),
    );
  const version = state === 'running' ? Math.floor(capture.packets / 100) : state;
  const show = (filter: string) => set({ view: undefined, packet: undefined, filter }, { push: true });
  const part = { id, version, show };
  return (
    <>
      <PageHead title={capture.name} parent={{ label: 'Captures', to: '/observe/captures' }}>
        <span className="muted">{`${state}, ${integer(capture.packets)} packets`}</span>
        <span className="muted">{capture.note}</span>
        <Spacer />
        {state === 'running' && can('capture.write') && <Button onClick={() => void stop()}>Stop</Button>}
        <Button
          variant="default"
          component="a"
          href={`/api/v1/captures/${id}/file?gzip=true&filter=${encodeURIComponent(s.filter ?? '')}`}
        >
          Download
        </Button>
      </PageHead>
      <Tabs
        label="Capture"
        tabs={VIEWS}
        value={s.view ?? 'packets'}
        onChange={(v) => set({ view: v === 'packets' ? undefined : v }, { push: true })}
      />
      <Suspense fallback={<Skeleton rows={10} height={28} />}>
        {s.view === 'conversations' ? (
          <Conversations {...part} />
        ) : s.view === 'endpoints' ? (
          <Endpoints {...part} />
        ) : s.view === 'protocols' ? (
          <Protocols {...part} />
        ) : s.view === 'graph' ? (
          <IOGraph {...part} filters={s.line ?? []} setFilters={(line) => set({ line })} />
        ) : s.view === 'objects' ? (
          <Objects
            id={id}
            version={version}
            open={(n) => set({ view: undefined, filter: undefined, packet: String(n), tab: undefined }, { push: true })}
          />
        ) : (
          <Packets key={s.filter ?? ''} id={id} version={version} state={state} />
        )}
      </Suspense>
    </>
  );
}

/** The list, and the fields and bytes of the chosen packet. */
function Packets({ id, version, state }: { id: string; version: string | number; state: string }) {
  const [s, set] = useUrlState<Search>();
  const [draft, setDraft] = useState(s.filter ?? '');
  const [first, setFirst] = useState('');
  const check = useQuery({
    queryKey: ['capture-filter', draft],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/capture-filter', { params: { query: { q: draft, at: draft.length } }, signal })),
    placeholderData: (old) => old,
  });
  const wrong = draft ? check.data?.message : undefined;
  const rows = useRows<Packet>({
    queryKey: ['packets', id, s.filter ?? '', version],
    byPosition: true,
    idOf,
    fetchPage: async ({ cursor, limit }, signal) => {
      const l = await call(
        http.GET('/api/v1/captures/{id}/packets', {
          params: { path: { id }, query: { filter: s.filter, position: cursor ? Number(cursor) : 0, limit } },
          signal,
        }),
      );
      setFirst(l.first);
      return { items: l.items, total: l.total };
    },
  });
  const cols = useMemo(() => columns(first), [first]);
  const apply = (filter: string) => {
    setDraft(filter);
    set({ filter: filter || undefined }, { push: true });
  };
  return (
    <>
      <Toolbar>
        <TextInput
          aria-label="Display filter"
          placeholder="Display filter: tcp.port == 443 and not tls"
          className={classes.filter}
          list="capture-fields"
          value={draft}
          error={wrong}
          onChange={(e) => setDraft(e.currentTarget.value)}
          onKeyDown={(e) => e.key === 'Enter' && !wrong && apply(draft)}
        />
        <datalist id="capture-fields">
          {(check.data?.items ?? []).map((i) => (
            <option key={i.name} value={draft.replace(/[\w.]*$/, i.name)}>
              {i.label}
            </option>
          ))}
        </datalist>
        <Button variant="default" disabled={!!wrong} onClick={() => apply(draft)}>
          Apply
        </Button>
        {s.filter && (
          <Button variant="subtle" onClick={() => apply('')}>
            Clear
          </Button>
        )}
      </Toolbar>
      <div className={classes.panes}>
        <div className={classes.list}>
          <DataGrid
            label="Packets"
            columns={cols}
            rows={rows}
            card={card}
            onOpen={(p) => set({ packet: String(p.number) })}
            empty={
              <EmptyState icon={IconFileSearch} title="No packet here" hint="Change the filter, or wait for packets." />
            }
          />
        </div>
        <Tabs
          label="About the packet"
          tabs={TABS}
          value={s.tab ?? 'packet'}
          onChange={(v) => set({ tab: v === 'packet' ? undefined : v })}
        />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <div role="tabpanel" aria-label="About the packet" tabIndex={0} className={classes.below}>
          {s.tab === 'findings' ? (
            <Findings id={id} state={state} open={(n) => set({ packet: String(n), tab: undefined })} />
          ) : !s.packet ? (
            <EmptyState small icon={IconFileSearch} title="Open a packet in the list" />
          ) : s.tab === 'timing' ? (
            <TimingOf id={id} number={Number(s.packet)} />
          ) : s.tab === 'stream' ? (
            <Stream id={id} number={Number(s.packet)} />
          ) : (
            <PacketPane id={id} number={Number(s.packet)} filter={s.filter ?? ''} apply={apply} />
          )}
        </div>
      </div>
    </>
  );
}

/** The conversation that a packet belongs to; 0 for none. */
async function conversationOf(id: string, number: number, signal: AbortSignal) {
  const l = await call(
    http.GET('/api/v1/captures/{id}/packets', {
      params: { path: { id }, query: { position: number - 1, limit: 1 } },
      signal,
    }),
  );
  return l.items[0]?.conversation ?? 0;
}

const NoConversation = () => <EmptyState small icon={IconFileSearch} title="This packet belongs to no conversation" />;

function TimingOf({ id, number }: { id: string; number: number }) {
  const q = useQuery({
    queryKey: ['packet-conversation', id, number],
    queryFn: ({ signal }) => conversationOf(id, number, signal),
  });
  return (
    <Loaded query={q} what="The conversation">
      {(n) => (n ? <Timing id={id} conversation={n} /> : <NoConversation />)}
    </Loaded>
  );
}

function Stream({ id, number }: { id: string; number: number }) {
  const q = useQuery({
    queryKey: ['packet-stream', id, number],
    queryFn: async ({ signal }) => {
      const conversation = await conversationOf(id, number, signal);
      if (!conversation) return null;
      return call(
        http.GET('/api/v1/captures/{id}/streams/{conversation}', { params: { path: { id, conversation } }, signal }),
      );
    },
  });
  return (
    <Loaded query={q} what="The stream">
      {(d) =>
        d ? (
          <div className={classes.stream}>
            <p className="muted">
              {`${d.client} sent ${integer(d.client_bytes)} bytes, ${d.server} sent ${integer(d.server_bytes)}.`}
              {d.cut && ' More was said; download the capture for all of it.'}
            </p>
            {d.pieces.map((p) => (
              <pre key={`${p.number}-${p.server}-${p.time}`} className={p.server ? classes.server : classes.client}>
                {p.gap ? `[${integer(p.gap)} bytes are missing]\n` : ''}
                {printable(bytesOf(p.data))}
              </pre>
            ))}
          </div>
        ) : (
          <NoConversation />
        )
      }
    </Loaded>
  );
}

function Findings({ id, state, open }: { id: string; state: string; open: (n: number) => void }) {
  const q = useQuery({
    queryKey: ['packet-findings', id, state],
    queryFn: ({ signal }) => call(http.GET('/api/v1/captures/{id}/findings', { params: { path: { id } }, signal })),
  });
  return (
    <Loaded query={q} what="The findings">
      {(d) =>
        d.items.length === 0 ? (
          <EmptyState small icon={IconFileSearch} title="Nothing noteworthy was found" />
        ) : (
          <ul className={classes.findings}>
            {d.items.map((f) => (
              <li key={f.kind}>
                <strong className={classes[f.severity]}>{`${f.severity}: ${f.title}`}</strong> {`(${integer(f.count)})`}
                <p>{f.meaning}</p>
                {f.examples.slice(0, 8).map((e) => (
                  <Button key={e.number} size="compact-sm" variant="subtle" onClick={() => open(e.number)}>
                    {`packet ${e.number}`}
                  </Button>
                ))}
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}
