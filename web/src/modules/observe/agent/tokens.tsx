import { Button } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { PageHead, Spacer } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { listTokens, revokeToken, type Token } from './queries';

export const Route = createLazyRoute('/estate/agent-tokens')({ component: Page });

const about = (r: Token) =>
  [r.kind.replaceAll('_', ' '), r.team, ...Object.entries(r.labels ?? {}).map(([k, v]) => `${k}=${v}`)]
    .filter(Boolean)
    .join(', ');
const card = (r: Token) => (
  <>
    <StatusMark state={r.state} />
    <Time at={r.created_at} />
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">
      {r.uses} of {r.max_uses}
    </span>
  </>
);
const idOf = (r: Token) => r.id;
const faded = (r: Token) => r.state !== 'usable';

function Page() {
  const may = useCan()('agent.write');
  const [asking, setAsking] = useState<Token>();
  const rows = useRows<Token>({
    queryKey: ['agent-tokens'],
    fetchPage: ({ cursor, limit }, signal) => listTokens(cursor, limit, signal),
    idOf,
  });
  const columns = useMemo<Column<Token>[]>(
    () => [
      { id: 'state', label: 'State', width: 110, render: (r) => <StatusMark state={r.state} /> },
      { id: 'name', label: 'Token', min: 140, main: true, render: (r) => r.name },
      { id: 'uses', label: 'Used', width: 90, right: true, render: (r) => `${r.uses} of ${r.max_uses}` },
      { id: 'about', label: 'Makes', min: 200, render: (r) => <span className="muted">{about(r)}</span> },
      { id: 'by', label: 'Made by', min: 130, render: (r) => r.created_by },
      { id: 'created', label: 'Made', width: 110, right: true, render: (r) => <Time at={r.created_at} /> },
      { id: 'expires', label: 'Ends', width: 110, right: true, render: (r) => <Time at={r.expires_at} /> },
      {
        id: 'revoke',
        label: '',
        width: 90,
        right: true,
        render: (r) =>
          may && r.state === 'usable' ? (
            <Button size="compact-xs" variant="default" onClick={() => setAsking(r)}>
              Revoke
            </Button>
          ) : null,
      },
    ],
    [may],
  );
  const add = (
    <Button component={Link} to={'/estate/agents?add=true' as string} leftSection={<IconPlus size={14} />}>
      Add a host
    </Button>
  );
  return (
    <>
      <PageHead title="Enrolment tokens" parent={{ label: 'Agents', to: '/estate/agents' }}>
        <RowCount rows={rows} one="token" many="tokens" />
        <Spacer />
        {may && add}
      </PageHead>
      <DataGrid
        label="Enrolment tokens"
        columns={columns}
        rows={rows}
        card={card}
        faded={faded}
        empty={
          <EmptyState icon={IconKey} title="No token" hint="Each line that adds a host holds one.">
            {may && add}
          </EmptyState>
        }
      />
      <ConfirmDialog
        opened={!!asking}
        onClose={() => setAsking(undefined)}
        title={`Revoke the token ${asking?.name ?? ''}?`}
        action="Revoke"
        run={async () => {
          await revokeToken(asking?.id ?? '');
          rows.reload();
          done('The token is revoked.');
        }}
      >
        No host can enroll with it any more. Hosts that did so stay.
      </ConfirmDialog>
    </>
  );
}
