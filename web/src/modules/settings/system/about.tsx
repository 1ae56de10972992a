import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { call, http } from '@/api/client';
import { integer } from '@/lib/format';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';

export const Route = createLazyRoute('/settings/about')({ component: Page });

/** How Mainstay itself is. */
function Page() {
  const query = useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/system', { signal })),
    refetchInterval: 15_000,
  });
  return (
    <>
      <PageHead title="About" />
      <Loaded query={query} what="The state of Mainstay">
        {(s) => {
          const behind = Object.entries(s.outbox.behind).filter(([, n]) => n > 0);
          return (
            <PageBody label="About">
              <Panel title="Mainstay">
                <KeyValue
                  rows={[
                    ['Version', s.version],
                    ['State', <StatusMark key="s" state={s.ready && !s.problems?.length ? 'ok' : 'degraded'} />],
                    ['Database', s.database === 'sqlite' ? 'SQLite' : 'PostgreSQL'],
                    ['Address', s.public_url],
                  ]}
                />
              </Panel>
              <Panel title="Problems of Mainstay itself" flush={!s.problems?.length}>
                {s.problems?.length ? (
                  <KeyValue rows={s.problems.map((p) => [p.name, p.message] as const)} />
                ) : (
                  <EmptyState small title="None" hint="All parts do their work." />
                )}
              </Panel>
              <Panel title="Facts between modules">
                <KeyValue
                  rows={[
                    ['Written', integer(s.outbox.last)],
                    ['Parked', s.outbox.parked ? `${integer(s.outbox.parked)} could not be handled` : 'None'],
                    ['Behind', behind.length ? behind.map(([m, n]) => `${m} ${integer(n)}`).join(', ') : 'None'],
                  ]}
                />
              </Panel>
            </PageBody>
          );
        }}
      </Loaded>
    </>
  );
}
