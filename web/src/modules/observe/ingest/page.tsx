import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useUrlState } from '@/lib/url';
import { PageHead, Spacer } from '@/ui/PageHead';
import { Tabs } from '@/ui/Tabs';
import { BindingsTab } from './bindings';
import { Connect } from './connect';
import { sourcesQuery, unknownQuery } from './queries';
import { SendersTab } from './senders';
import { UnknownTab } from './unknown';
import { WaysTab } from './ways';

export const Route = createLazyRoute('/observe/sources')({ component: Page });

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
      {tab === 'unknown' && <UnknownTab />}
      {tab === 'bindings' && <BindingsTab />}
      {tab === 'ways' && <WaysTab />}
      <Connect opened={!!s.connect} onClose={() => set({ connect: undefined })} />
    </>
  );
}
