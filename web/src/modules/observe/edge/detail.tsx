import { Alert, Button } from '@mantine/core';
import { IconActivity, IconBan, IconServer2, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { integer, skewText } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { useRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import classes from './edge.module.css';
import { waitingText } from './model';
import { type Check, deleteEdge, type Edge, edgeQuery, listChecks, revokeEdge } from './queries';
import { Receives } from './receive';

export const Route = createLazyRoute('/observe/edges/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery(edgeQuery(name));
  const may = useCan()('edge.write');
  const navigate = useNavigate();
  const [asking, setAsking] = useState<'revoke' | 'delete'>();
  useLiveQuery('edges', ['edge', name], name);
  const e = query.data;
  return (
    <>
      <PageHead
        title={name}
        parent={{ label: 'Edges', to: '/observe/edges' }}
        before={e && <StatusMark state={e.state} />}
      >
        <Spacer />
        {e?.item && (
          <Button
            variant="default"
            component={Link}
            to={`/estate/items/${encodeURIComponent(e.item)}` as string}
            leftSection={<IconServer2 size={14} />}
          >
            Item
          </Button>
        )}
        {e && may && e.state !== 'revoked' && (
          <Button variant="default" leftSection={<IconBan size={14} />} onClick={() => setAsking('revoke')}>
            Revoke
          </Button>
        )}
        {e && may && (
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
      <Loaded query={query} what="The edge" rows={10}>
        {(edge) => (
          <DetailLayout label="Edge" side={<Side edge={edge} />}>
            <Now edge={edge} />
            <Receives edge={edge} may={may} />
            <Panel title="What it runs" flush>
              <Checks name={edge.name} />
            </Panel>
          </DetailLayout>
        )}
      </Loaded>
      <ConfirmDialog
        opened={!!asking}
        onClose={() => setAsking(undefined)}
        title={asking === 'revoke' ? `Revoke the edge ${name}?` : `Delete the edge ${name}?`}
        action={asking === 'revoke' ? 'Revoke' : 'Delete'}
        run={async () => {
          if (asking === 'revoke') {
            await revokeEdge(name);
            await query.refetch();
            done(`The edge ${name} is revoked.`);
          } else {
            await deleteEdge(name);
            done(`The edge ${name} was deleted.`);
            await navigate({ to: '/observe/edges' as string });
          }
        }}
      >
        {asking === 'revoke'
          ? 'It is refused from now on, and checks that run from it are blind until an edge of this name enrolls again or they get another place.'
          : 'Only an edge that no check names can be deleted. Its item and the figures of its checks stay.'}
      </ConfirmDialog>
    </>
  );
}

function Now({ edge: e }: { edge: Edge }) {
  return (
    <>
      {e.state === 'waiting' && (
        <Alert color="blue" title="Nothing has come yet">
          The machine has enrolled. Start the edge on it: mainstay edge install, or mainstay edge run.
        </Alert>
      )}
      {e.state === 'catching_up' && (
        <Alert color="blue" title="It delivers what it kept while it was cut off">
          Its checks count as unreachable until it is done, so that nobody is told of what is over.
        </Alert>
      )}
      {e.dropped > 0 && (
        <Alert color="yellow" title="Results were lost">
          {integer(e.dropped)} batches did not fit on its disk since it started. Give it more room with --buffer-mib.
        </Alert>
      )}
      {e.missing.length > 0 && (
        <Alert color="yellow" title="It lacks capabilities">
          {e.missing.map((m) => (
            <div key={m}>{m}.</div>
          ))}
        </Alert>
      )}
      <Stats>
        <Stat label="State" value={<StatusMark state={e.state} />} />
        <Stat label="Last seen" value={e.last_seen_at ? <Time at={e.last_seen_at} /> : 'never'} />
        <Stat label="Checks" value={integer(e.checks)} />
        <Stat label="Devices" value={integer(e.devices)} note="polled by SNMP" />
        <Stat
          label="Buffered"
          value={waitingText(e) ?? 'nothing'}
          note={
            e.oldest_waiting_at && waitingText(e) ? (
              <>
                since <Time at={e.oldest_waiting_at} />
              </>
            ) : undefined
          }
        />
      </Stats>
    </>
  );
}

const CHECKS: Column<Check>[] = [
  {
    id: 'state',
    label: 'State',
    width: 150,
    render: (r) => <StatusMark state={r.state} soft={!r.hard && r.state !== 'ok' && r.state !== 'pending'} />,
  },
  {
    id: 'name',
    label: 'Check',
    min: 160,
    main: true,
    render: (r) => (
      <Link to={`/observe/checks/${encodeURIComponent(r.name)}` as string} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'from', label: 'From', width: 110, render: (r) => r.from },
  {
    id: 'output',
    label: 'Last result',
    min: 220,
    render: (r) => <span className="muted">{r.last_result?.output ?? 'No result yet'}</span>,
  },
];
const checkCard = (r: Check) => (
  <>
    <StatusMark state={r.state} />
    {r.since ? <Time at={r.since} mode="age" /> : <span />}
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{r.from}</span>
  </>
);
const checkId = (r: Check) => r.name;

function Checks({ name }: { name: string }) {
  const navigate = useNavigate();
  const rows = useRows<Check>({
    queryKey: ['checks', 'edge', name],
    fetchPage: ({ cursor, limit }, signal) => listChecks(name, cursor, limit, signal),
    idOf: checkId,
    byPosition: true,
    topic: 'checks',
  });
  return (
    <div className={classes.checks}>
      <DataGrid
        label="Checks of this edge"
        columns={CHECKS}
        rows={rows}
        card={checkCard}
        onOpen={(r) => void navigate({ to: `/observe/checks/${encodeURIComponent(r.name)}` as string })}
        empty={
          <EmptyState
            icon={IconActivity}
            small
            title="It has nothing to run"
            hint={`Choose it under "Runs from" in a check, or write from: ${name}.`}
          />
        }
      />
    </div>
  );
}

function Side({ edge: e }: { edge: Edge }) {
  const check = (
    <Link key="c" to={`/observe/checks/${encodeURIComponent(e.check)}` as string}>
      {e.check}
    </Link>
  );
  return (
    <SideSection title="About">
      <KeyValue
        rows={[
          ['Host name', e.hostname],
          ['Address', e.address],
          ['System', `${e.os} ${e.arch}`],
          ['Version', e.version || 'not known'],
          ['Its check', check],
          ['Clock', skewText(e.skew_ms) ?? 'right'],
          ['Certificate until', <Time key="u" at={e.certificate_not_after} />],
          ['Enrolled', <Time key="e" at={e.created_at} />],
          [
            'Labels',
            Object.entries(e.labels ?? {})
              .map(([k, v]) => `${k}=${v}`)
              .join(', ') || 'none',
          ],
        ]}
      />
    </SideSection>
  );
}
