import { Button, Drawer, Switch } from '@mantine/core';
import { IconPlus, IconTool } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { Plan } from './downtime-form';
import { brief } from './model';
import { Plans } from './plans';
import { cancelDowntime, type Downtime, downtimesQuery, plansQuery } from './queries';

export const Route = createLazyRoute('/observe/downtimes')({ component: Page });

interface Search {
  past?: true;
  new?: true;
  item?: string;
  check?: string;
}

function Page() {
  const [s, set] = useUrlState<Search>();
  const query = useQuery(downtimesQuery(!!s.past));
  const plans = useQuery(plansQuery);
  const client = useQueryClient();
  const may = useCan()('check.write');
  const [ending, setEnding] = useState<Downtime>();
  return (
    <>
      <PageHead title="Maintenance">
        <Switch
          label="Show past"
          checked={!!s.past}
          onChange={(e) => set({ past: e.currentTarget.checked || undefined })}
        />
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => set({ new: true })}>
            Plan maintenance
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The maintenance windows">
        {(list) =>
          list.items.length || plans.data?.items?.length ? (
            <PageBody label="Maintenance windows">
              <Plans may={may} />
              <Panel title="Windows" flush>
                {!list.items.length && (
                  <p className="muted" style={{ padding: '8px 12px' }}>
                    None now.
                  </p>
                )}
                {!!list.items.length && (
                  <table className="plain">
                    <thead>
                      <tr>
                        <th style={{ width: 110 }}>State</th>
                        <th>Title</th>
                        <th className="wide">Covers</th>
                        <th style={{ width: 176 }}>From</th>
                        <th style={{ width: 176 }}>To</th>
                        <th className="wide" style={{ width: 130 }}>
                          Planned by
                        </th>
                        <th style={{ width: 80 }}>
                          <span className="vh">Actions</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      {list.items.map((d) => (
                        <tr key={d.id}>
                          <td>
                            <Pill tone={d.active ? 'maint' : 'plain'}>
                              {d.cancelled_at
                                ? 'cancelled'
                                : d.active
                                  ? 'now'
                                  : d.waiting && Date.parse(d.ends_at) < Date.now()
                                    ? 'not used'
                                    : d.waiting && Date.parse(d.starts_at) < Date.now()
                                      ? 'waits'
                                      : Date.parse(d.ends_at) < Date.now()
                                        ? 'over'
                                        : 'planned'}
                            </Pill>
                          </td>
                          <td>
                            {d.title}
                            {d.flexible !== '0s' && (
                              <span className="muted"> · {brief(d.flexible)} from the first failure</span>
                            )}
                          </td>
                          <td className="muted wide">
                            {[...d.items, ...d.checks].join(', ')}
                            {d.dependents && ' and what depends on it'}
                          </td>
                          <td>
                            <Time at={d.starts_at} mode="absolute" />
                          </td>
                          <td>
                            <Time at={d.ends_at} mode="absolute" />
                          </td>
                          <td className="muted wide">{d.created_by}</td>
                          <td>
                            {may && !d.cancelled_at && Date.parse(d.ends_at) > Date.now() && (
                              <Button variant="subtle" size="compact-xs" onClick={() => setEnding(d)}>
                                {d.active ? 'End' : 'Cancel'}
                              </Button>
                            )}
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                )}
              </Panel>
            </PageBody>
          ) : (
            <EmptyState
              icon={IconTool}
              title={s.past ? 'There never was any maintenance' : 'No maintenance is planned'}
              hint="During maintenance checks go on and are recorded, and nobody is told."
            >
              {may && <Button onClick={() => set({ new: true })}>Plan maintenance</Button>}
            </EmptyState>
          )
        }
      </Loaded>
      <Drawer
        opened={!!s.new && may}
        onClose={() => set({ new: undefined, item: undefined, check: undefined })}
        position="right"
        title="Plan maintenance"
        size="md"
      >
        {s.new && (
          <Plan
            item={s.item}
            check={s.check}
            onDone={() => {
              set({ new: undefined, item: undefined, check: undefined });
              void client.invalidateQueries({ queryKey: ['downtimes'] });
            }}
          />
        )}
      </Drawer>
      <ConfirmDialog
        opened={!!ending}
        onClose={() => setEnding(undefined)}
        title={`End the maintenance “${ending?.title ?? ''}”?`}
        action="End it"
        run={async () => {
          if (ending) await cancelDowntime(ending.id);
          await client.invalidateQueries({ queryKey: ['downtimes'] });
          done('The maintenance ended.');
        }}
      >
        A problem that is still there will be told once a fresh result confirms it.
      </ConfirmDialog>
    </>
  );
}
