import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useUrlState } from '@/lib/url';
import { Skeleton } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { Tabs } from '@/ui/Tabs';
import { sourcesQuery, unknownQuery } from './queries';
import { SendersTab } from './senders';

export const Route = createLazyRoute('/observe/sources')({ component: Page });

// What is not seen at first comes when it is asked for.
const BindingsTab = lazy(() => import('./bindings').then((m) => ({ default: m.BindingsTab })));
const UnknownTab = lazy(() => import('./unknown').then((m) => ({ default: m.UnknownTab })));
const WaysTab = lazy(() => import('./ways').then((m) => ({ default: m.WaysTab })));
const Connect = lazy(() => import('./connect').then((m) => ({ default: m.Connect })));

type Tab = 'senders' | 'unknown' | 'bindings' | 'ways';

function Page() {
  const [s, set] = useUrlState<{ tab?: Tab; q?: string; connect?: boolean }>();
  const sources = useQuery(sourcesQuery);
  const unknown = useQuery(unknownQuery);
  const tab = s.tab ?? 'senders';
  const open = () => set({ connect: true });
  return (
    <>
      <PageHead title="Sources">
        <Spacer />
        <Button leftSection={<IconPlus size={14} />} onClick={open}>
          Connect a sender
        </Button>
      </PageHead>
      <Tabs
        label="Sources"
        value={tab}
        onChange={(v) => set({ tab: v === 'senders' ? undefined : v, q: undefined })}
        tabs={[
          { value: 'senders', label: 'Senders', count: sources.data?.items.length },
          { value: 'unknown', label: 'Unknown', count: unknown.data?.items.length },
          { value: 'bindings', label: 'Bindings' },
          { value: 'ways', label: 'Ways in and limits' },
        ]}
      />
      {tab === 'senders' && <SendersTab q={s.q ?? ''} onQ={(q) => set({ q: q || undefined })} onConnect={open} />}
      <Suspense fallback={<Skeleton rows={8} />}>
        {tab === 'unknown' && <UnknownTab />}
        {tab === 'bindings' && <BindingsTab />}
        {tab === 'ways' && <WaysTab />}
      </Suspense>
      <Suspense>{s.connect && <Connect opened onClose={() => set({ connect: undefined })} />}</Suspense>
    </>
  );
}
