import { Button } from '@mantine/core';
import { IconPencil, IconPlus, IconTool, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { bytes } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { PriorityMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { kindTitle } from './list';
import {
  acceptSuggestion,
  checksOfQuery,
  deleteItem,
  dependenciesQuery,
  historyQuery,
  type Item,
  impactQuery,
  incidentsOfQuery,
  itemQuery,
  type Reached,
  suggestionsOfQuery,
} from './queries';
import { ItemLink, Side } from './side';

export const Route = createLazyRoute('/estate/items/$name')({ component: Page });

type Tab = 'overview' | 'impact' | 'dependencies' | 'history';
const TABS = [
  { value: 'overview', label: 'Overview' },
  { value: 'impact', label: 'What stops if it stops' },
  { value: 'dependencies', label: 'What it needs' },
  { value: 'history', label: 'History' },
];

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [s, set] = useUrlState<{ tab?: Tab }>();
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
      <Tabs
        tabs={TABS}
        value={tab}
        onChange={(t) => set({ tab: t === 'overview' ? undefined : (t as Tab) })}
        label="Item"
      />
      <Loaded query={query} what="The item" rows={10}>
        {({ data }) => (
          <DetailLayout label="Item" side={<Side item={data} />}>
            {tab === 'overview' && <Overview item={data} />}
            {tab === 'impact' && <Reach name={name} kind="impact" />}
            {tab === 'dependencies' && <Reach name={name} kind="dependencies" />}
            {tab === 'history' && <History name={name} />}
          </DetailLayout>
        )}
      </Loaded>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete the item ${name}?`}
        action="Delete"
        run={async () => {
          await deleteItem(name);
          done(`${name} was deleted.`);
          await navigate({ to: '/estate/items' as string });
        }}
      >
        Its relations go with it. Its checks stay and watch no item.
      </ConfirmDialog>
    </>
  );
}

function Overview({ item }: { item: Item }) {
  return (
    <>
      {item.description && (
        <Panel title="Description">
          <p style={{ margin: 0, whiteSpace: 'pre-wrap' }}>{item.description}</p>
        </Panel>
      )}
      <Checks item={item} />
      <Incidents item={item.name} />
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

function show(key: string, v: unknown): ReactNode {
  if (v === null || v === undefined || v === '') return undefined;
  if (typeof v === 'number' && key.endsWith('_bytes')) return bytes(v);
  if (typeof v === 'boolean') return v ? 'Yes' : 'No';
  if (Array.isArray(v) && v.every((x) => typeof x !== 'object')) return v.join(', ');
  if (Array.isArray(v))
    return v.map((x) => (
      <div key={JSON.stringify(x)} className="mono">
        {Object.entries(x as Record<string, unknown>)
          .map(([k, y]) =>
            k.endsWith('_bytes') && typeof y === 'number' ? bytes(y) : Array.isArray(y) ? y.join(', ') : String(y),
          )
          .filter(Boolean)
          .join('  ')}
      </div>
    ));
  if (typeof v === 'object')
    return Object.entries(v as Record<string, unknown>)
      .map(([k, y]) => `${k}: ${Array.isArray(y) ? y.join(', ') : String(y)}`)
      .join(', ');
  if (typeof v === 'string' && /^\d{4}-\d\d-\d\dT/.test(v)) return <Time at={v} />;
  return String(v);
}

function Attributes({ item }: { item: Item }) {
  const all = Object.entries(item.attributes ?? {}).sort(([a], [b]) => a.localeCompare(b));
  if (!all.length) return null;
  return (
    <Panel title="Attributes" flush>
      <table className="plain">
        <tbody>
          {all.map(([k, v]) => {
            const text = show(k, v);
            return text === undefined ? null : (
              <tr key={k}>
                <td style={{ width: 190 }}>{kindTitle(k)}</td>
                <td style={{ overflowWrap: 'anywhere' }}>{text}</td>
                <td style={{ width: 96, textAlign: 'right' }} className="muted">
                  {item.attribute_sources?.[k]}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Panel>
  );
}

function Reach({ name, kind }: { name: string; kind: 'impact' | 'dependencies' }) {
  const query = useQuery(kind === 'impact' ? impactQuery(name) : dependenciesQuery(name));
  return (
    <Loaded query={query} what="The relations">
      {(r) =>
        r.items.length ? (
          <Panel
            title={kind === 'impact' ? `If ${name} stops, so do these` : `${name} needs these`}
            note={`${r.items.length}${r.truncated ? ' nearest' : ''}`}
            flush
          >
            <table className="plain">
              <thead>
                <tr>
                  <th style={{ width: 110 }}>State</th>
                  <th>Item</th>
                  <th style={{ width: 120 }}>Kind</th>
                  <th style={{ width: 100 }}>Criticality</th>
                  <th>How</th>
                </tr>
              </thead>
              <tbody>
                {r.items.map((x: Reached) => (
                  <tr key={x.name}>
                    <td>{x.state ? <StatusMark state={x.state} /> : <span className="muted">not watched</span>}</td>
                    <td>
                      <ItemLink name={x.name} />
                    </td>
                    <td className="muted">{kindTitle(x.kind)}</td>
                    <td className="muted">{kindTitle(x.criticality)}</td>
                    <td className="muted">{x.path.join(' → ')}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Panel>
        ) : (
          <EmptyState
            title={kind === 'impact' ? 'Nothing depends on it' : 'It needs nothing'}
            hint="Add relations on the right to say otherwise."
          />
        )
      }
    </Loaded>
  );
}

function History({ name }: { name: string }) {
  const query = useQuery(historyQuery(name));
  const text = (v: unknown) =>
    v === null || v === undefined || v === '' ? '–' : typeof v === 'string' ? v : JSON.stringify(v);
  return (
    <Loaded query={query} what="The history">
      {(h) => (
        <Panel title="Changes" flush>
          <table className="plain">
            <thead>
              <tr>
                <th style={{ width: 100 }}>When</th>
                <th style={{ width: 140 }}>Who</th>
                <th style={{ width: 160 }}>What</th>
                <th>Before</th>
                <th>After</th>
              </tr>
            </thead>
            <tbody>
              {h.items.map((e) => (
                <tr key={e.id}>
                  <td>
                    <Time at={e.at} />
                  </td>
                  <td>{e.actor}</td>
                  <td>{kindTitle(e.field)}</td>
                  <td className="muted" style={{ overflowWrap: 'anywhere' }}>
                    {text(e.before)}
                  </td>
                  <td style={{ overflowWrap: 'anywhere' }}>{text(e.after)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Panel>
      )}
    </Loaded>
  );
}
