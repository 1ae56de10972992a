import { ActionIcon, Button } from '@mantine/core';
import { IconPencil, IconPlus, IconTrash, IconWebhook } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Can } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { CopyButton } from '@/ui/CopyButton';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded, Skeleton } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { done } from '@/ui/toast';
import { START } from './model';
import classes from './outside.module.css';
import { addressQuery, type Mapping, mappingsQuery, removeMapping } from './queries';

const Editor = lazy(() => import('./editor').then((m) => ({ default: m.Editor })));

/** How JSON of any program becomes alerts. */
export function Mappings() {
  const query = useQuery(mappingsQuery);
  const address = useQuery(addressQuery);
  const client = useQueryClient();
  const [edit, setEdit] = useState<Mapping>();
  const [gone, setGone] = useState<Mapping>();
  const again = () => client.invalidateQueries({ queryKey: mappingsQuery.queryKey });
  if (edit)
    return (
      <PageBody label="Mapping">
        <Suspense fallback={<Skeleton rows={8} height={34} />}>
          <Editor
            start={edit}
            address={`${address.data?.url ?? ''}/ingest/webhook/`}
            onDone={async (saved) => {
              setEdit(undefined);
              if (saved) {
                done(`Saved ${saved}.`);
                await again();
              }
            }}
          />
        </Suspense>
      </PageBody>
    );
  const add = (
    <Can permission="outside.write">
      <Button leftSection={<IconPlus size={14} />} onClick={() => setEdit(START)}>
        Add a mapping
      </Button>
    </Can>
  );
  return (
    <PageBody label="Mappings">
      <Loaded query={query} what="The mappings" small>
        {(d) =>
          d.items.length === 0 ? (
            <EmptyState
              icon={IconWebhook}
              title="No mapping yet"
              hint="Any program that can post JSON can send alerts. A mapping says where in its JSON the title, the severity and the host are."
            >
              {add}
            </EmptyState>
          ) : (
            <Panel title="Addresses" note="With a token that has the scope observe.ingest." tools={add} flush>
              <div className={classes.scroll}>
                <table className="plain">
                  <thead>
                    <tr>
                      <th style={{ width: 160 }}>Name</th>
                      <th>Address</th>
                      <th>Title</th>
                      <td style={{ width: 80 }} />
                    </tr>
                  </thead>
                  <tbody>
                    {d.items.map((m) => (
                      <tr key={m.name}>
                        <td>{m.name}</td>
                        <td>
                          <span className={classes.where}>
                            <code>/ingest/webhook/{m.name}</code>
                            <CopyButton
                              value={`${address.data?.url ?? ''}/ingest/webhook/${m.name}`}
                              label={`Copy the address of ${m.name}`}
                            />
                          </span>
                        </td>
                        <td className="mono">{m.title}</td>
                        <td>
                          <Can permission="outside.write">
                            <div style={{ display: 'flex' }}>
                              <ActionIcon variant="subtle" aria-label={`Change ${m.name}`} onClick={() => setEdit(m)}>
                                <IconPencil size={13} />
                              </ActionIcon>
                              <ActionIcon variant="subtle" aria-label={`Remove ${m.name}`} onClick={() => setGone(m)}>
                                <IconTrash size={13} />
                              </ActionIcon>
                            </div>
                          </Can>
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
      <ConfirmDialog
        opened={!!gone}
        onClose={() => setGone(undefined)}
        title={`Remove ${gone?.name}?`}
        action="Remove"
        run={async () => {
          await removeMapping(gone?.name ?? '');
          done(`Removed ${gone?.name}.`);
          await again();
        }}
      >
        What is posted to its address is refused from then on. Alerts that it made stay.
      </ConfirmDialog>
    </PageBody>
  );
}
