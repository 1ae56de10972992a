import { Button } from '@mantine/core';
import { IconBraces, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { parsersQuery } from './queries';

export const Route = createLazyRoute('/observe/logs/parsers')({ component: Parsers });

/** The parsers of one's own. */
function Parsers() {
  const query = useQuery(parsersQuery);
  const add = (
    <Button component={Link} to={'/observe/logs/parsers/new' as string} leftSection={<IconPlus size={14} />}>
      Add a parser
    </Button>
  );
  return (
    <>
      <PageHead title="Parsers" parent={{ label: 'Logs', to: '/observe/logs' }}>
        <Spacer />
        {add}
      </PageHead>
      <PageBody label="Parsers">
        <Loaded query={query} what="The parsers">
          {(d) =>
            d.items.length === 0 ? (
              <EmptyState
                icon={IconBraces}
                title="No parser of your own"
                hint="Many formats are known already. For others, build a parser on sample lines: it makes fields of them as they come in."
              />
            ) : (
              <Panel flush>
                <table className="plain">
                  <thead>
                    <tr>
                      <th style={{ width: 180 }}>Parser</th>
                      <th>Pattern</th>
                      <th style={{ width: 110, textAlign: 'right' }}>Fits</th>
                      <th style={{ width: 130, textAlign: 'right' }}>Does not fit</th>
                    </tr>
                  </thead>
                  <tbody>
                    {d.items.map((p) => (
                      <tr key={p.name}>
                        <td>
                          <Link to={`/observe/logs/parsers/${encodeURIComponent(p.name ?? '')}` as string}>
                            {p.name}
                          </Link>
                          {p.enabled === false && <span className="muted"> (off)</span>}
                        </td>
                        <td className="mono" style={{ overflowWrap: 'anywhere' }}>
                          {p.pattern || p.regexp}
                        </td>
                        <td className="num" style={{ textAlign: 'right' }}>
                          <Link
                            to={
                              `/observe/logs?${new URLSearchParams({ q: `format:=${JSON.stringify(p.name)}` })}` as string
                            }
                          >
                            {integer(p.fits)}
                          </Link>
                        </td>
                        <td
                          className="num"
                          style={{ textAlign: 'right' }}
                          title="Since the start of the server. They are kept as they are."
                        >
                          {integer(p.fails)}
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Panel>
            )
          }
        </Loaded>
      </PageBody>
    </>
  );
}
