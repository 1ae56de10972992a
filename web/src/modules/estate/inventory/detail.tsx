import { Button } from '@mantine/core';
import { IconPencil, IconPlus, IconTool, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { PriorityMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { Attributes } from './attributes';
import { PartView, useItemParts } from './parts';
import { DayField, History, Past } from './past';
import { Waiting } from './proposals';
import {
  acceptSuggestion,
  checksOfQuery,
  deleteItem,
  type Item,
  incidentsOfQuery,
  itemQuery,
  suggestionsOfQuery,
} from './queries';
import { Reach } from './reach';
import { Side } from './side';

export const Route = createLazyRoute('/estate/items/$name')({ component: Page });

const TABS = [
  { value: 'overview', label: 'Overview', order: 0 },
  { value: 'impact', label: 'What stops if it stops', order: 10 },
  { value: 'dependencies', label: 'What it needs', order: 20 },
  { value: 'history', label: 'History', order: 100 },
];

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [s, set] = useUrlState<{ tab?: string; as_of?: string }>();
  const query = useQuery(itemQuery(name));
  const may = useCan();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  useLiveQuery('items', ['item', name], name);
  const i = query.data?.data;
  const tab = s.tab ?? 'overview';
  return (
    <>
      <PageHead
        title={name}
        parent={{ label: 'Items', to: '/estate/items' }}
        before={i?.state ? <StatusMark state={i.state} /> : undefined}
      >
        <Spacer />
        <DayField value={s.as_of ?? ''} onChange={(as_of) => set({ as_of })} />
        {i && may('check.write') && (
          <>
            <Button
              variant="default"
              component={Link}
              to={`/observe/checks/new?item=${encodeURIComponent(name)}` as string}
              leftSection={<IconPlus size={14} />}
            >
              Add a check
            </Button>
            <Button
              variant="default"
              component={Link}
              to={`/observe/downtimes?new=true&item=${encodeURIComponent(name)}` as string}
              leftSection={<IconTool size={14} />}
            >
              Maintenance
            </Button>
          </>
        )}
        {i && may('item.write') && (
          <>
            <Button
              variant="default"
              component={Link}
              to={`/estate/items/${encodeURIComponent(name)}/edit` as string}
              leftSection={<IconPencil size={14} />}
            >
              Change
            </Button>
            <Button variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => setAsking(true)}>
              Delete
            </Button>
          </>
        )}
      </PageHead>
      {s.as_of ? (
        <Past name={name} day={s.as_of} onNow={() => set({ as_of: undefined })} />
      ) : (
        <Now name={name} tab={tab} onTab={(t) => set({ tab: t === 'overview' ? undefined : t })} />
      )}
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete the item ${name}?`}
        action="Delete"
        run={async () => {
          if (await deleteItem(name)) {
            done(`Nothing was deleted yet: it waits for approval by a second person.`);
            return;
          }
          done(`${name} was deleted.`);
          await navigate({ to: '/estate/items' as string });
        }}
      >
        Its relations go with it. Its checks stay and watch no item.
      </ConfirmDialog>
    </>
  );
}

function Now({ name, tab, onTab }: { name: string; tab: string; onTab: (tab: string) => void }) {
  const query = useQuery(itemQuery(name));
  const parts = useItemParts();
  const tabs = [...TABS, ...parts.tabs.map((p) => ({ value: p.id, label: p.label, order: p.order }))].sort(
    (a, b) => a.order - b.order,
  );
  const part = parts.tabs.find((p) => p.id === tab);
  return (
    <>
      <Tabs tabs={tabs} value={tab} onChange={onTab} label="Item" />
      <Loaded query={query} what="The item" rows={10}>
        {({ data }) => (
          <DetailLayout label="Item" side={<Side item={data} />}>
            {tab === 'overview' && <Overview item={data} />}
            {part && <PartView part={part} item={name} />}
            {tab === 'impact' && <Reach name={name} kind="impact" />}
            {tab === 'dependencies' && <Reach name={name} kind="dependencies" />}
            {tab === 'history' && <History name={name} />}
          </DetailLayout>
        )}
      </Loaded>
    </>
  );
}

function Overview({ item }: { item: Item }) {
  const { panels } = useItemParts();
  return (
    <>
      <Waiting item={item.name} />
      {item.description && (
        <Panel title="Description">
          <p style={{ margin: 0, whiteSpace: 'pre-wrap' }}>{item.description}</p>
        </Panel>
      )}
      <Checks item={item} />
      <Incidents item={item.name} />
      {panels.map((p) => (
        <PartView key={p.id} part={p} item={item.name} />
      ))}
      <Attributes item={item} />
    </>
  );
}

function Checks({ item }: { item: Item }) {
  const query = useQuery(checksOfQuery(item.name));
  const found = useQuery(suggestionsOfQuery(item.name));
  const client = useQueryClient();
  const may = useCan()('check.write');
  useLiveQuery('checks', ['checks', 'of', item.name]);
  const suggestions = found.data?.items ?? [];
  return (
    <Panel title="Checks" flush>
      <Loaded query={query} what="The checks" small rows={3}>
        {(list) => (
          <table className="plain">
            <tbody>
              {list.items.map((c) => (
                <tr key={c.name}>
                  <td style={{ width: 120 }}>
                    <StatusMark state={c.state} soft={!c.hard && c.state !== 'ok' && c.state !== 'pending'} />
                  </td>
                  <td>
                    <Link to={`/observe/checks/${encodeURIComponent(c.name)}` as string}>{c.name}</Link>
                  </td>
                  <td className="muted">{c.last_result?.output}</td>
                  <td style={{ width: 80, textAlign: 'right' }}>{c.since && <Time at={c.since} mode="age" />}</td>
                </tr>
              ))}
              {suggestions.map((g) => (
                <tr key={g.id}>
                  <td style={{ width: 120 }} className="muted">
                    suggested
                  </td>
                  <td>{g.name}</td>
                  <td className="muted">
                    {g.type}: {g.reason}
                  </td>
                  <td style={{ width: 90, textAlign: 'right' }}>
                    {may && (
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() =>
                          acceptSuggestion(g.id).then(
                            () => {
                              void client.invalidateQueries({ queryKey: ['suggestions'] });
                              void client.invalidateQueries({ queryKey: ['checks'] });
                              done(`${g.name} was added.`);
                            },
                            (e) => failed('The suggestion', e),
                          )
                        }
                      >
                        Accept
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
              {list.items.length + suggestions.length === 0 && (
                <tr>
                  <td className="muted">Nothing watches this item. Add a check to see its state.</td>
                </tr>
              )}
            </tbody>
          </table>
        )}
      </Loaded>
    </Panel>
  );
}

function Incidents({ item }: { item: string }) {
  const query = useQuery(incidentsOfQuery(item));
  useLiveQuery('incidents', ['incidents', 'of', item]);
  const list = query.data?.items ?? [];
  if (!list.length) return null;
  return (
    <Panel title="Incidents" flush>
      <table className="plain">
        <tbody>
          {list.map((i) => (
            <tr key={i.number}>
              <td style={{ width: 60 }}>
                <PriorityMark priority={i.priority} />
              </td>
              <td style={{ width: 80, whiteSpace: 'nowrap' }} className="mono">
                <Link to={`/respond/incidents/${i.number}` as string}>{i.number}</Link>
              </td>
              <td>{i.title}</td>
              <td style={{ width: 120 }}>
                <StatusMark state={i.state} />
              </td>
              <td style={{ width: 90, textAlign: 'right' }}>
                <Time at={i.impact_started_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
