import { Button } from '@mantine/core';
import { IconFileImport } from '@tabler/icons-react';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { integer, percent } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel, Stat, Stats } from '@/ui/Panel';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { Doubtful } from './doubtful';
import classes from './health.module.css';
import { HealthList } from './list';
import { kindTitle, LISTS, type View } from './model';
import { type Health, useHealth } from './queries';

export const Route = createLazyRoute('/estate/health')({ component: Page });

function Page() {
  const [s, set] = useUrlState<{ list?: View }>();
  const health = useHealth();
  const may = useCan()('item.write');
  const view = s.list ?? 'summary';
  const lists = health.data?.lists ?? [];
  const tabs = [
    { value: 'summary' as View, label: 'Summary' },
    ...LISTS.filter((l) => l === view || lists.some((x) => x.name === l)).map((l) => {
      const x = lists.find((y) => y.name === l);
      return { value: l as View, label: x?.title ?? kindTitle(l.replace('-', ' ')), count: x?.count };
    }),
    { value: 'doubtful' as View, label: 'Doubtful matches', count: health.data?.doubtful },
  ];
  return (
    <>
      <PageHead title="Inventory health">
        <Spacer />
        {may && (
          <Button
            component={Link}
            to={'/estate/import' as string}
            variant="default"
            leftSection={<IconFileImport size={14} />}
          >
            Import items
          </Button>
        )}
      </PageHead>
      <Tabs label="Lists" tabs={tabs} value={view} onChange={(v) => set({ list: v === 'summary' ? undefined : v })} />
      {view === 'summary' ? (
        <PageBody label="Summary">
          <Loaded query={health} what="The health of the inventory" rows={6}>
            {(h) => <Summary health={h} />}
          </Loaded>
        </PageBody>
      ) : view === 'doubtful' ? (
        <Doubtful />
      ) : health.isError ? (
        <ErrorState what="The list" error={health.error} retry={() => void health.refetch()} />
      ) : (
        <HealthList key={view} list={view} about={lists.find((l) => l.name === view)?.description ?? ''} />
      )}
    </>
  );
}

function Summary({ health }: { health: Health }) {
  if (health.items === 0) {
    return <EmptyState title="There are no items yet" hint="Add or import what you run; gaps are listed here." />;
  }
  return (
    <>
      <Stats>
        {health.lists.map((l) => (
          <Stat key={l.name} label={l.title} value={integer(l.count)} to={l.url} />
        ))}
        <Stat label="Doubtful matches" value={integer(health.doubtful)} to="/estate/health?list=doubtful" />
      </Stats>
      <Panel
        title="By kind"
        note={
          <>
            {integer(health.items)} items, counted <Time at={health.computed_at} />
          </>
        }
        flush
      >
        <div className={classes.scroll}>
          <table className={classes.table}>
            <thead>
              <tr>
                <th>Kind</th>
                <th>Items</th>
                <th>Correct</th>
                <th>Complete</th>
              </tr>
            </thead>
            <tbody>
              {health.kinds.map((k) => (
                <tr key={k.kind}>
                  <td>
                    <Link to={`/estate/items?kind=${encodeURIComponent(k.kind)}` as string}>{kindTitle(k.kind)}</Link>
                  </td>
                  <td className="num">{integer(k.items)}</td>
                  <td className="num">{percent(k.correctness, 0)}</td>
                  <td className="num">{percent(k.completeness, 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <Panel title="What the figures mean">
        <dl className={classes.meaning}>
          <div className={classes.pair}>
            <dt>Correct</dt>
            <dd>Share of the items that are neither stale nor duplicates.</dd>
          </div>
          <div className={classes.pair}>
            <dt>Complete</dt>
            <dd>
              Mean share of what an item should have: an owner, a relation and, where its kind is watched, a check.
            </dd>
          </div>
          {health.lists.map((l) => (
            <div key={l.name} className={classes.pair}>
              <dt>{l.title}</dt>
              <dd>{l.description}</dd>
            </div>
          ))}
        </dl>
      </Panel>
    </>
  );
}
