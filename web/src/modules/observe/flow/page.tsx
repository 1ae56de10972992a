import { ActionIcon, Loader, SegmentedControl, Select, Switch, Tooltip } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useIsFetching, useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { type Preset, RECENT, resolveRange } from '@/lib/range';
import { useUrlState } from '@/lib/url';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { Tabs } from '@/ui/Tabs';
import { TimeRange } from '@/ui/TimeRange';
import { Chips } from './chips';
import { Exporters } from './exporters';
import classes from './flows.module.css';
import { drill } from './model';
import { NoFlows } from './no-flows';
import { Paths } from './paths';
import { type Asked, dimensionsQuery, type Metric, statusQuery } from './queries';
import { Records } from './records';
import { Traffic } from './traffic';
import { Unusual } from './unusual';

export const Route = createLazyRoute('/observe/flows')({ component: Page });

export interface Search {
  tab?: 'paths' | 'records' | 'exporters' | 'unusual';
  by?: string;
  metric?: 'packets' | 'flows';
  filter?: string[];
  from?: string;
  to?: string;
  compare?: true;
  open?: string;
}

const FALLBACK = '-1h';
const PRESETS: Preset[] = [{ value: '-15m', label: '15m' }, ...RECENT];
const NONE: string[] = [];

function Page() {
  const [s, set] = useUrlState<Search>();
  const may = useCan()('flow.write');
  const tab = s.tab ?? 'traffic';
  const metric: Metric = s.metric ?? 'bytes';
  const by = s.by ?? 'src';
  const filter = s.filter ?? NONE;
  const [ran, setRan] = useState(() => Date.now());
  const range = useMemo(() => resolveRange({ from: s.from, to: s.to }, ran, FALLBACK), [s.from, s.to, ran]);
  const asked: Asked = useMemo(
    () => ({ from: range.from.toISOString(), to: range.to.toISOString(), filter }),
    [range, filter],
  );
  // Sums are made by the minute.
  useEffect(() => {
    if (!range.live) return;
    const t = setInterval(() => setRan(Date.now()), 60_000);
    return () => clearInterval(t);
  }, [range.live]);
  const status = useQuery(statusQuery);
  const dimensions = useQuery(dimensionsQuery);
  const busy = useIsFetching({ queryKey: ['flows'] }) > 0;
  const choose = (dim: string, value: string) => {
    const next = drill(filter, dim, value);
    set({ filter: next.filter, by: tab === 'traffic' ? next.by : s.by, open: undefined }, { push: true });
  };
  const nothing = status.data?.rows === 0 && status.data.stored === 0;
  const ofTraffic = tab === 'traffic' || tab === 'paths' || tab === 'records';
  return (
    <>
      <PageHead title="Flows">
        <Spacer />
        {ofTraffic && (
          <TimeRange
            value={{ from: s.from, to: s.to }}
            presets={PRESETS}
            fallback={FALLBACK}
            onChange={(r) => {
              setRan(Date.now());
              set({ from: r.from, to: r.to }, { push: true });
            }}
          />
        )}
      </PageHead>
      <Tabs
        label="Parts of the page"
        tabs={[
          { value: 'traffic', label: 'Traffic' },
          { value: 'paths', label: 'Paths' },
          { value: 'records', label: 'Records' },
          { value: 'unusual', label: 'Unusual' },
          { value: 'exporters', label: 'Exporters' },
        ]}
        value={tab}
        onChange={(t) =>
          set({ tab: t === 'traffic' ? undefined : (t as Search['tab']), open: undefined }, { push: true })
        }
      />
      {ofTraffic && nothing ? (
        <NoFlows status={status.data} />
      ) : (
        <>
          {ofTraffic && (
            <Toolbar>
              {tab === 'traffic' && (
                <Select
                  className={classes.by}
                  aria-label="By"
                  data={(dimensions.data?.items ?? []).map((d) => ({ value: d.name, label: d.title }))}
                  value={by}
                  onChange={(v) => v && set({ by: v }, { push: true })}
                  allowDeselect={false}
                  searchable
                />
              )}
              {tab !== 'records' && (
                <SegmentedControl
                  aria-label="Count"
                  data={[
                    { value: 'bytes', label: 'Bytes' },
                    { value: 'packets', label: 'Packets' },
                    { value: 'flows', label: 'Flows' },
                  ]}
                  value={metric}
                  onChange={(v) => set({ metric: v === 'bytes' ? undefined : (v as 'packets' | 'flows') })}
                />
              )}
              {tab === 'traffic' && (
                <Switch
                  label="Compare with last week"
                  checked={!!s.compare}
                  onChange={(e) => set({ compare: e.currentTarget.checked || undefined })}
                />
              )}
              <Chips
                filters={filter}
                dimensions={dimensions.data?.items ?? []}
                asked={asked}
                onChange={(f) => set({ filter: f.length ? f : undefined }, { push: true })}
              />
              <Spacer />
              <Tooltip label="Read again">
                <ActionIcon variant="default" size={30} aria-label="Read again" onClick={() => setRan(Date.now())}>
                  {busy ? <Loader size={13} /> : <IconRefresh size={14} />}
                </ActionIcon>
              </Tooltip>
            </Toolbar>
          )}
          {tab === 'traffic' && (
            <Traffic
              asked={asked}
              by={by}
              metric={metric}
              compare={!!s.compare}
              title={dimensions.data?.items.find((d) => d.name === by)?.title ?? by}
              onChoose={choose}
              onZoom={(from, to) => set({ from: from.toISOString(), to: to.toISOString() }, { push: true })}
              onClear={() => set({ filter: undefined }, { push: true })}
            />
          )}
          {tab === 'paths' && <Paths asked={asked} metric={metric} onChoose={choose} />}
          {tab === 'records' && <Records asked={asked} onChoose={choose} />}
          {tab === 'unusual' && <Unusual may={may} />}
          {tab === 'exporters' && <Exporters status={status.data} />}
        </>
      )}
    </>
  );
}
