import { IconRouter } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { components } from '@/api/schema';
import { duration, integer, number, traffic } from '@/lib/format';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Skeleton } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { Sparkline } from '@/ui/StateStrip';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import classes from './flows.module.css';
import { flowsURL } from './model';
import { NoFlows } from './no-flows';
import { type Exporter, exportersQuery } from './queries';

type Status = components['schemas']['FlowStatus'];

const VERSION: Record<string, string> = {
  netflow5: 'NetFlow 5',
  netflow9: 'NetFlow 9',
  ipfix: 'IPFIX',
  sflow5: 'sFlow',
};

/** The devices that report traffic, and how well. */
export function Exporters({ status }: { status: Status | undefined }) {
  const list = useQuery(exportersQuery());
  if (list.error) return <ErrorState what="The exporters" error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton rows={10} height={26} />;
  if (list.data.items.length === 0) return <NoFlows status={status} />;
  return (
    <PageBody label="Exporters">
      {status && (
        <Stats>
          <Stat label="Records kept" value={integer(status.rows)} note={`for ${number(status.keep_hours / 24)} days`} />
          <Stat label="Size" value={traffic(status.bytes)} />
          <Stat label="Stored since the start" value={integer(status.stored)} />
          <Stat
            label="Not stored"
            value={integer(status.dropped)}
            note={status.full ? 'the disk is full' : undefined}
          />
        </Stats>
      )}
      {list.data.items.map((x) => (
        <One key={x.value} x={x} />
      ))}
    </PageBody>
  );
}

function One({ x }: { x: Exporter }) {
  const now = x.rate.at(-1) ?? 0;
  const lost = x.sources.reduce((n, s) => n + s.lost, 0);
  const silent = Date.now() - Date.parse(x.last_seen) > 10 * 60_000;
  return (
    <Panel
      title={x.item || x.address}
      note={
        !x.item
          ? x.edge
            ? `at ${x.edge}; no item is known for it`
            : 'no item has this address'
          : x.item === x.value
            ? undefined
            : x.value
      }
      tools={
        <Link to={flowsURL({ by: 'src', filter: [`exporter:${x.value}`] }) as string} search={true as never}>
          Its traffic
        </Link>
      }
    >
      <div className={classes.exporter}>
        <KeyValue
          rows={[
            [
              'Item',
              x.item ? (
                <Link key="i" to={`/estate/items/${encodeURIComponent(x.item)}` as string}>
                  {x.item}
                </Link>
              ) : x.edge ? (
                'not known; discover it from the edge by SNMP'
              ) : (
                <Link key="i" to={'/observe/sources' as string}>
                  bind it under Sources
                </Link>
              ),
            ],
            ...(x.edge
              ? [
                  [
                    'Came through',
                    <Link key="e" to={`/observe/edges/${encodeURIComponent(x.edge)}` as string}>
                      edge {x.edge}
                    </Link>,
                  ] as [string, React.ReactNode],
                ]
              : []),
            ['Speaks', x.versions.map((v) => VERSION[v] ?? v).join(', ')],
            ...(x.sent_by && x.sent_by !== x.address ? [['Sent by', x.sent_by] as [string, string]] : []),
            [
              'Last report',
              <span key="l">
                <Time at={x.last_seen} /> {silent && <Pill tone="warn">silent</Pill>}
              </span>,
            ],
            [
              'Sampling',
              x.sampling > 1
                ? `one of ${integer(x.sampling)} packets`
                : x.sampling === 1
                  ? 'every packet'
                  : 'not said; taken as every packet',
            ],
            ['Names', `${integer(x.interfaces)} interfaces, ${integer(x.applications)} applications`],
          ]}
        />
        <KeyValue
          rows={[
            [
              'Rate',
              <span key="r" className={classes.rate}>
                <Sparkline values={x.rate} width={120} /> {number(now)} records/s
              </span>,
            ],
            ['Records', integer(x.records)],
            ['Traffic', traffic(x.bytes)],
            [
              'Lost',
              lost ? (
                <Pill key="p" tone="warn">
                  {integer(lost)} missing by sequence numbers
                </Pill>
              ) : (
                'nothing'
              ),
            ],
            [
              'Longest record',
              x.longest_seconds > 90 ? (
                <span key="o">
                  {duration(x.longest_seconds)} <Pill tone="warn">set the active timeout to 60 s</Pill>
                </span>
              ) : (
                duration(x.longest_seconds)
              ),
            ],
            ...(x.skipped
              ? [
                  ['Left out', `${integer(x.skipped)} records without addresses or with impossible amounts`] as [
                    string,
                    string,
                  ],
                ]
              : []),
          ]}
        />
      </div>
      {x.sources.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
        <section className={classes.tableBox} tabIndex={0} aria-label={`Sources of ${x.address}`}>
          <table className="plain">
            <thead>
              <tr>
                <th>Source</th>
                <th data-right>Received</th>
                <th data-right>Lost</th>
                <th data-right>Restarts</th>
                <th data-right>Templates</th>
                <th data-right>Waiting for one</th>
                <th>Sampling told</th>
              </tr>
            </thead>
            <tbody>
              {x.sources.map((s) => (
                <tr key={`${s.version} ${s.domain}`}>
                  <td>
                    {VERSION[s.version] ?? s.version} <span className="muted">domain {s.domain}</span>
                  </td>
                  <td data-right className="num">
                    {integer(s.received)}
                  </td>
                  <td data-right className="num">
                    {s.lost ? `${integer(s.lost)} (${s.lost_percent} %)` : '0'}
                  </td>
                  <td data-right className="num">
                    {integer(s.restarts)}
                  </td>
                  <td data-right className="num">
                    {integer(s.templates)}
                  </td>
                  <td data-right className="num">
                    {integer(s.waiting)}
                  </td>
                  <td>
                    {s.sampling.length ? (
                      s.sampling.map((n) => `1 of ${integer(n)}`).join(', ')
                    ) : (
                      <span className="muted">–</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  );
}

/** For a page that has none yet. */
export const noExporters = (
  <EmptyState
    small
    icon={IconRouter}
    title="It reports no flows"
    hint="When this device exports NetFlow, IPFIX or sFlow, its traffic shows here."
  />
);
