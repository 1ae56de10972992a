import { Button, Select } from '@mantine/core';
import { IconDownload, IconFileSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { call, http } from '@/api/client';
import { bytes, duration, integer, percent } from '@/lib/format';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, Spacer, Toolbar } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { useClientRows } from '@/ui/rows';
import { Tag } from '@/ui/StatusMark';
import classes from './capture.module.css';
import { addressTest, type Endpoint, type Layer, type Sort, sorted, type Talk, talkTest } from './model';

interface Part {
  id: string;
  /** Changes when the capture grows. */
  version: string | number;
  /** Shows the packets that a filter chooses. */
  show: (filter: string) => void;
}

const talkId = (t: Talk) => `${t.protocol} ${t.src}:${t.src_port ?? ''} ${t.dst}:${t.dst_port ?? ''} ${t.stream}`;
const lasted = (t: Talk) => (Date.parse(t.last) - Date.parse(t.first)) / 1000;
const all = (t: Talk) => t.src_bytes + t.dst_bytes;
const side = (address: string, port?: number) => (port ? `${address}:${port}` : address);

const TALKS: Column<Talk>[] = [
  { id: 'protocol', label: 'Protocol', width: 84, render: (t) => t.protocol || 'all' },
  { id: 'src', label: 'From', min: 190, mono: true, main: true, render: (t) => side(t.src, t.src_port) },
  { id: 'dst', label: 'To', min: 190, mono: true, render: (t) => side(t.dst, t.dst_port) },
  { id: 'says', label: 'Says', width: 120, render: (t) => t.protocols.at(-1) ?? `${integer(t.sessions)} sessions` },
  { id: 'sp', label: 'Packets →', width: 92, right: true, sortable: true, render: (t) => integer(t.src_packets) },
  { id: 'sb', label: 'Bytes →', width: 92, right: true, sortable: true, render: (t) => bytes(t.src_bytes) },
  { id: 'dp', label: '← Packets', width: 92, right: true, sortable: true, render: (t) => integer(t.dst_packets) },
  { id: 'db', label: '← Bytes', width: 92, right: true, sortable: true, render: (t) => bytes(t.dst_bytes) },
  { id: 'all', label: 'Bytes', width: 92, right: true, sortable: true, render: (t) => bytes(all(t)) },
  { id: 'for', label: 'Lasted', width: 92, right: true, sortable: true, render: (t) => duration(lasted(t)) },
];
const TALK_VALUES: Record<string, (t: Talk) => number> = {
  sp: (t) => t.src_packets,
  sb: (t) => t.src_bytes,
  dp: (t) => t.dst_packets,
  db: (t) => t.dst_bytes,
  all,
  for: lasted,
};
const talkCard = (t: Talk) => (
  <>
    <span className="mono" style={{ color: 'var(--tx-0)' }}>
      {side(t.src, t.src_port)} → {side(t.dst, t.dst_port)}
    </span>
    <span className="num">{bytes(all(t))}</span>
    <span className="muted">{t.protocols.at(-1) ?? t.protocol}</span>
    <span className="muted num">{duration(lasted(t))}</span>
  </>
);

/** Who talked to whom. */
export function Conversations({ id, version, show }: Part) {
  const [by, setBy] = useState<'session' | 'address'>('session');
  const [sort, setSort] = useState<Sort>({ by: 'all', desc: true });
  const q = useQuery({
    queryKey: ['packet-talks', id, by, version],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/captures/{id}/conversations', { params: { path: { id }, query: { by } }, signal })),
    placeholderData: (old) => old,
  });
  const items = useMemo(() => sorted(q.data?.items ?? [], sort, TALK_VALUES), [q.data, sort]);
  const rows = useClientRows(items, talkId);
  return (
    <Loaded query={q} what="The conversations">
      {(d) => (
        <>
          <Toolbar>
            <Select
              aria-label="Conversations of"
              data={[
                { value: 'session', label: 'Each session' },
                { value: 'address', label: 'Each pair of addresses' },
              ]}
              value={by}
              allowDeselect={false}
              onChange={(v) => setBy(v as 'session' | 'address')}
              w={200}
            />
            <Spacer />
            <Cut shown={d.items.length} total={d.total} one="conversation" many="conversations" />
          </Toolbar>
          <DataGrid
            label="Conversations"
            columns={TALKS}
            rows={rows}
            card={talkCard}
            sort={sort}
            onSort={setSort}
            onOpen={(t) => show(talkTest(t))}
            empty={<EmptyState icon={IconFileSearch} title="Nobody talked" hint="The capture has no packets yet." />}
          />
        </>
      )}
    </Loaded>
  );
}

function Cut({ shown, total, one, many }: { shown: number; total: number; one: string; many: string }) {
  return (
    <span className="muted num">
      {integer(total)} {total === 1 ? one : many}
      {shown < total && `, the busiest ${integer(shown)} are listed`}
    </span>
  );
}

const ENDPOINTS: Column<Endpoint>[] = [
  { id: 'address', label: 'Address', min: 220, mono: true, main: true, render: (e) => e.address },
  { id: 'sp', label: 'Packets sent', width: 116, right: true, sortable: true, render: (e) => integer(e.sent_packets) },
  { id: 'sb', label: 'Bytes sent', width: 116, right: true, sortable: true, render: (e) => bytes(e.sent_bytes) },
  {
    id: 'rp',
    label: 'Packets received',
    width: 130,
    right: true,
    sortable: true,
    render: (e) => integer(e.received_packets),
  },
  {
    id: 'rb',
    label: 'Bytes received',
    width: 116,
    right: true,
    sortable: true,
    render: (e) => bytes(e.received_bytes),
  },
  { id: 'n', label: 'Sessions', width: 92, right: true, sortable: true, render: (e) => integer(e.sessions) },
];
const ENDPOINT_VALUES: Record<string, (e: Endpoint) => number> = {
  sp: (e) => e.sent_packets,
  sb: (e) => e.sent_bytes,
  rp: (e) => e.received_packets,
  rb: (e) => e.received_bytes,
  n: (e) => e.sessions,
};
const endpointId = (e: Endpoint) => e.address;
const endpointCard = (e: Endpoint) => (
  <>
    <span className="mono" style={{ color: 'var(--tx-0)' }}>
      {e.address}
    </span>
    <span className="muted num">{integer(e.sessions)} sessions</span>
    <span className="muted num">sent {bytes(e.sent_bytes)}</span>
    <span className="muted num">received {bytes(e.received_bytes)}</span>
  </>
);

/** Addresses with what they sent and received. */
export function Endpoints({ id, version, show }: Part) {
  const [sort, setSort] = useState<Sort>();
  const q = useQuery({
    queryKey: ['packet-endpoints', id, version],
    queryFn: ({ signal }) => call(http.GET('/api/v1/captures/{id}/endpoints', { params: { path: { id } }, signal })),
    placeholderData: (old) => old,
  });
  const items = useMemo(() => sorted(q.data?.items ?? [], sort, ENDPOINT_VALUES), [q.data, sort]);
  const rows = useClientRows(items, endpointId);
  return (
    <Loaded query={q} what="The endpoints">
      {(d) => (
        <>
          <Toolbar>
            <Spacer />
            <Cut shown={d.items.length} total={d.total} one="address" many="addresses" />
          </Toolbar>
          <DataGrid
            label="Endpoints"
            columns={ENDPOINTS}
            rows={rows}
            card={endpointCard}
            sort={sort}
            onSort={setSort}
            onOpen={(e) => show(addressTest(e.address))}
            empty={<EmptyState icon={IconFileSearch} title="No address yet" hint="The capture has no packets yet." />}
          />
        </>
      )}
    </Loaded>
  );
}

/** Packets and bytes by protocol, from the link upwards. */
export function Protocols({ id, version, show }: Part) {
  const q = useQuery({
    queryKey: ['packet-hierarchy', id, version],
    queryFn: ({ signal }) => call(http.GET('/api/v1/captures/{id}/hierarchy', { params: { path: { id } }, signal })),
    placeholderData: (old) => old,
  });
  return (
    <PageBody label="Protocols">
      <Loaded query={q} what="The protocols">
        {(d) => {
          const packets = d.items.reduce((n, l) => n + l.packets, 0);
          const size = d.items.reduce((n, l) => n + l.bytes, 0);
          if (!packets) return <EmptyState icon={IconFileSearch} title="No packet yet" />;
          return (
            <Panel title="By protocol" note="A packet counts for each protocol that it holds." flush>
              <div className={classes.wide}>
                <table className="plain">
                  <thead>
                    <tr>
                      <th>Protocol</th>
                      <th className={classes.figure}>Packets</th>
                      <th className={classes.figure}>Share</th>
                      <th className={classes.figure}>Bytes</th>
                      <th className={classes.figure}>Share</th>
                      <th className={classes.figure} title="Packets in which nothing is above it">
                        Ends here
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {d.items.map((l) => (
                      <LayerRows key={l.name} layer={l} depth={0} packets={packets} size={size} show={show} />
                    ))}
                  </tbody>
                </table>
              </div>
            </Panel>
          );
        }}
      </Loaded>
    </PageBody>
  );
}

interface LayerProps {
  layer: Layer;
  depth: number;
  packets: number;
  size: number;
  show: (filter: string) => void;
}

function LayerRows({ layer: l, depth, packets, size, show }: LayerProps) {
  return (
    <>
      <tr>
        <td style={{ paddingLeft: 12 + depth * 18 }}>
          <Button size="compact-xs" variant="subtle" onClick={() => show(l.name)}>
            {l.name}
          </Button>
        </td>
        <td className={classes.figure}>{integer(l.packets)}</td>
        <td className={classes.figure}>{percent(l.packets / packets, 1)}</td>
        <td className={classes.figure}>{bytes(l.bytes)}</td>
        <td className={classes.figure}>{percent(size ? l.bytes / size : 0, 1)}</td>
        <td className={classes.figure}>{integer(l.last)}</td>
      </tr>
      {l.above?.map((a) => (
        <LayerRows key={a.name} layer={a} depth={depth + 1} packets={packets} size={size} show={show} />
      ))}
    </>
  );
}

/** What was transferred and can be taken out. */
export function Objects({ id, version, open }: { id: string; version: string | number; open: (n: number) => void }) {
  const q = useQuery({
    queryKey: ['packet-objects', id, version],
    queryFn: ({ signal }) => call(http.GET('/api/v1/captures/{id}/objects', { params: { path: { id } }, signal })),
    placeholderData: (old) => old,
  });
  return (
    <PageBody label="Objects">
      <Loaded query={q} what="The objects">
        {(d) =>
          d.items.length === 0 ? (
            <EmptyState
              icon={IconFileSearch}
              title="No object in the capture"
              hint="Files, pages and pictures that were transferred over HTTP without encryption are listed here."
            />
          ) : (
            <Panel
              title="Transferred over HTTP"
              note={
                d.items.length < d.total
                  ? `The first ${integer(d.items.length)} of ${integer(d.total)}.`
                  : 'As they were transferred. Take care with what you open.'
              }
              flush
            >
              <div className={classes.wide}>
                <table className="plain">
                  <thead>
                    <tr>
                      <th style={{ width: 90 }}>Packet</th>
                      <th style={{ width: 90 }}>By</th>
                      <th>Name</th>
                      <th style={{ width: 180 }}>Host</th>
                      <th style={{ width: 180 }}>Type</th>
                      <th className={classes.figure}>Size</th>
                      <td style={{ width: 50 }} />
                    </tr>
                  </thead>
                  <tbody>
                    {d.items.map((o, i) => (
                      <tr key={`${o.conversation} ${o.order} ${o.from_server}`}>
                        <td>
                          <Button size="compact-xs" variant="subtle" onClick={() => open(o.number)}>
                            {o.number}
                          </Button>
                        </td>
                        <td>
                          <Tag>{o.from_server ? 'server' : 'client'}</Tag>
                        </td>
                        <td className={`mono ${classes.name}`}>{o.name || <span className="muted">no name</span>}</td>
                        <td className="mono">{o.host}</td>
                        <td>{o.media_type}</td>
                        <td className={classes.figure}>{o.size < 0 ? 'unknown' : bytes(o.size)}</td>
                        <td>
                          <Button
                            size="compact-xs"
                            variant="subtle"
                            component="a"
                            href={`/api/v1/captures/${id}/objects/${i}`}
                            aria-label={`Download ${o.name || `object ${i + 1}`}`}
                          >
                            <IconDownload size={14} />
                          </Button>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </Panel>
          )
        }
      </Loaded>
    </PageBody>
  );
}
