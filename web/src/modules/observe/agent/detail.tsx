import { Alert, Button } from '@mantine/core';
import { IconBan, IconServer2, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import type { Schemas } from '@/api/paths';
import { bytes, percent, skewText } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { quoted, range } from '@/lib/prom';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { ChartData } from '@/ui/chart-data';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { LiveChart } from '@/ui/LiveChart';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { useClientRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import classes from './agent.module.css';
import { Changes, Facts } from './facts';
import { type Agent, agentQuery, deleteAgent, type Kind, processesQuery, revokeAgent } from './queries';
import { UpdateOne } from './update';

export const Route = createLazyRoute('/estate/agents/$name')({ component: Page });

const TABS = [
  { value: 'overview', label: 'Overview' },
  { value: 'processes', label: 'Processes' },
  { value: 'package', label: 'Packages' },
  { value: 'service', label: 'Services' },
  { value: 'port', label: 'Ports' },
  { value: 'user', label: 'Users' },
  { value: 'container', label: 'Containers' },
  { value: 'database', label: 'Databases' },
  { value: 'disk', label: 'Disks' },
  { value: 'changes', label: 'Changes' },
];

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [s, set] = useUrlState<{ tab?: string; q?: string }>();
  const query = useQuery(agentQuery(name));
  const may = useCan()('agent.write');
  const navigate = useNavigate();
  const [asking, setAsking] = useState<'revoke' | 'delete'>();
  useLiveQuery('agents', ['agent', name], name);
  const a = query.data;
  const tab = TABS.some((t) => t.value === s.tab) ? (s.tab as string) : 'overview';
  return (
    <>
      <PageHead
        title={name}
        parent={{ label: 'Agents', to: '/estate/agents' }}
        before={a && <StatusMark state={a.state} />}
      >
        <Spacer />
        <Button
          variant="default"
          component={Link}
          to={`/estate/items/${encodeURIComponent(name)}` as string}
          leftSection={<IconServer2 size={14} />}
        >
          Item
        </Button>
        {a && may && <UpdateOne agent={a} />}
        {a && may && a.state !== 'revoked' && (
          <Button variant="default" leftSection={<IconBan size={14} />} onClick={() => setAsking('revoke')}>
            Revoke
          </Button>
        )}
        {a && may && (
          <Button
            variant="default"
            color="red"
            leftSection={<IconTrash size={14} />}
            onClick={() => setAsking('delete')}
          >
            Delete
          </Button>
        )}
      </PageHead>
      <Tabs
        tabs={TABS}
        value={tab}
        onChange={(t) => set({ tab: t === 'overview' ? undefined : t, q: undefined })}
        label="Agent"
      />
      <Loaded query={query} what="The agent" rows={10}>
        {(agent) =>
          tab === 'overview' ? (
            <Overview agent={agent} />
          ) : tab === 'processes' ? (
            <Processes name={name} />
          ) : tab === 'changes' ? (
            <Changes agent={name} />
          ) : (
            <Facts key={tab} agent={name} kind={tab as Kind} q={s.q} onQ={(q) => set({ q: q || undefined })} />
          )
        }
      </Loaded>
      <ConfirmDialog
        opened={!!asking}
        onClose={() => setAsking(undefined)}
        title={asking === 'revoke' ? `Revoke the agent on ${name}?` : `Delete the agent on ${name}?`}
        action={asking === 'revoke' ? 'Revoke' : 'Delete'}
        run={async () => {
          if (asking === 'revoke') {
            await revokeAgent(name);
            await query.refetch();
            done(`The agent on ${name} is revoked.`);
          } else {
            await deleteAgent(name);
            done(`The agent on ${name} was deleted.`);
            await navigate({ to: '/estate/agents' as string });
          }
        }}
      >
        {asking === 'revoke'
          ? 'It is refused from now on, and its check is removed. To let the host in again, enroll it with a new token.'
          : 'What it found is deleted with it. The item and its figures stay.'}
      </ConfirmDialog>
    </>
  );
}

function Overview({ agent: a }: { agent: Agent }) {
  const item = `item=${quoted(a.name)}`;
  const skew = skewText(a.skew_ms);
  return (
    <PageBody label="Agent">
      {a.twins.length > 0 && (
        <Alert color="yellow" title="Another host has the same machine id">
          {a.twins.map((t, i) => (
            <span key={t}>
              {i > 0 && ', '}
              <Link to={`/estate/agents/${encodeURIComponent(t)}` as string}>{t}</Link>
            </span>
          ))}{' '}
          and {a.name} are mostly clones of each other. They are kept apart. Give one a machine id of its own and enroll
          it again, or delete the agent that is not needed.
        </Alert>
      )}
      {(a.problems ?? []).length > 0 && (
        <Panel title="The host does not give all that is asked">
          {a.problems?.map((p) => (
            <div key={p}>{p}</div>
          ))}
        </Panel>
      )}
      {a.program.state === 'failed' && (
        <Alert color="red" title="The update failed; the agent went back to its old program">
          {a.program.why}
        </Alert>
      )}
      {a.state === 'waiting' && (
        <Alert color="blue" title="Nothing has come yet">
          The host has enrolled. Start the agent on it: systemctl start mainstay-agent.
        </Alert>
      )}
      <div className={classes.charts}>
        <Figure title="Processor" query={`host_cpu_usage_ratio{${item}}`} unit="ratio" latest={percent} />
        <Figure
          title="Memory"
          query={`host_memory_total_bytes{${item}} - host_memory_available_bytes{${item}}`}
          unit="bytes"
          latest={bytes}
        />
        <Figure title="Load" query={`host_load1{${item}}`} latest={(v) => v.toFixed(2)} />
        <Figure
          title="Network"
          query={`sum(rate(host_network_receive_bytes_total{${item},device!="lo"}[1m]) + rate(host_network_transmit_bytes_total{${item},device!="lo"}[1m]))`}
          unit="bytes"
          latest={(v) => `${bytes(v)}/s`}
        />
      </div>
      <Panel title="About">
        <KeyValue
          rows={[
            ['Host name', a.hostname],
            ['Address', <span key="a">{a.address}</span>],
            ['System', `${a.os} ${a.arch}`],
            ['Agent', a.version || 'not known'],
            ['Program', programText(a)],
            [
              'Logs and checks',
              <Link key="l" to={`/estate/items/${encodeURIComponent(a.name)}` as string}>
                on the page of the item
              </Link>,
            ],
            ['Last seen', a.last_seen_at ? <Time key="s" at={a.last_seen_at} /> : 'never'],
            ['Clock', skew ?? 'right'],
            ['Certificate until', <Time key="c" at={a.certificate_not_after} />],
            ['Enrolled', <Time key="e" at={a.created_at} />],
            [
              'Machine id',
              <span key="m" className="mono">
                {a.machine_id || 'none'}
              </span>,
            ],
            [
              'Labels',
              Object.entries(a.labels ?? {})
                .map(([k, v]) => `${k}=${v}`)
                .join(', ') || 'none',
            ],
          ]}
        />
      </Panel>
    </PageBody>
  );
}

function programText(a: Agent): string {
  switch (a.program.state) {
    case 'current':
      return 'the same as this server has';
    case 'other':
      return 'another than this server has';
    case 'asked':
      return 'is to update';
    case 'failed':
      return 'another; the update failed';
    case 'none':
      return `this server has none for ${a.program.platform}`;
  }
  return 'not known';
}

function Figure({
  title,
  query,
  unit,
  latest,
}: {
  title: string;
  query: string;
  unit?: string;
  latest: (v: number) => string;
}) {
  const q = useQuery({
    queryKey: ['agent-figure', query],
    refetchInterval: 10_000,
    queryFn: async ({ signal }) => {
      const now = Date.now() / 1000;
      const [line] = await range(query, now - 3600, now, 10, signal);
      return line ?? { x: [] as number[], y: [] as (number | null)[] };
    },
  });
  const data = useMemo(() => new ChartData(1, 1000), []);
  useEffect(() => {
    if (q.data) data.set(q.data.x, [q.data.y]);
  }, [q.data, data]);
  const last = q.data?.y.at(-1);
  return (
    <Panel title={title} note={typeof last === 'number' ? latest(last) : undefined}>
      <Loaded query={q} what="The figures" small rows={4}>
        {(d) =>
          d.x.length ? (
            <LiveChart
              name={`${title}, last hour`}
              data={data}
              series={[{ label: title, area: true }]}
              unit={unit}
              height={120}
              legend="hover"
            />
          ) : (
            <EmptyState small title="No figures in the last hour" />
          )
        }
      </Loaded>
    </Panel>
  );
}

type Process = Schemas['AgentwireProcess'];
const PROCESSES: Column<Process>[] = [
  { id: 'pid', label: 'PID', width: 90, right: true, mono: true, render: (p) => p.pid },
  { id: 'name', label: 'Process', min: 150, main: true, render: (p) => p.name },
  { id: 'user', label: 'User', min: 110, render: (p) => p.user },
  { id: 'cpu', label: 'Processor', width: 100, right: true, render: (p) => percent(p.cpu, 2) },
  { id: 'memory', label: 'Memory', width: 100, right: true, render: (p) => bytes(p.memory_bytes) },
  { id: 'command', label: 'Command', min: 240, render: (p) => <span className="muted">{p.command}</span> },
  {
    id: 'started',
    label: 'Runs',
    width: 90,
    right: true,
    render: (p) => (p.started ? <Time at={p.started} mode="age" /> : '–'),
  },
];
const processCard = (p: Process) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{p.name}</span>
    <span className="num">{percent(p.cpu, 2)}</span>
    <span className="muted">{p.user}</span>
    <span className="num muted">{bytes(p.memory_bytes)}</span>
  </>
);
const pid = (p: Process) => String(p.pid);

function Processes({ name }: { name: string }) {
  const query = useQuery(processesQuery(name));
  return (
    <Loaded query={query} what="The processes" rows={10}>
      {(d) => <ProcessGrid list={d.processes} />}
    </Loaded>
  );
}

function ProcessGrid({ list }: { list: Process[] }) {
  const sorted = useMemo(() => [...list].sort((a, b) => b.cpu - a.cpu || b.memory_bytes - a.memory_bytes), [list]);
  const rows = useClientRows(sorted, pid);
  return (
    <DataGrid
      label="Processes"
      columns={PROCESSES}
      rows={rows}
      card={processCard}
      empty={<EmptyState title="No processes are known" hint="They come with the first delivery of the agent." />}
    />
  );
}
