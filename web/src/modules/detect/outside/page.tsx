import { createLazyRoute } from '@tanstack/react-router';
import { useUrlState } from '@/lib/url';
import { PageHead } from '@/ui/PageHead';
import { Tabs } from '@/ui/Tabs';
import { Alerts } from './alerts';
import { Mappings } from './mappings';
import { Programs } from './programs';

export const Route = createLazyRoute('/detect/outside')({ component: Page });

type Tab = 'programs' | 'mappings';

function Page() {
  const [s, set] = useUrlState<{ tab?: Tab }>();
  return (
    <>
      <PageHead title="Outside alerts" />
      <Tabs
        label="Outside alerts"
        tabs={[
          { value: 'alerts', label: 'Alerts' },
          { value: 'programs', label: 'Programs' },
          { value: 'mappings', label: 'Mappings' },
        ]}
        value={s.tab ?? 'alerts'}
        onChange={(tab) => set({ tab: tab === 'alerts' ? undefined : (tab as Tab) })}
      />
      {s.tab === 'programs' ? <Programs /> : s.tab === 'mappings' ? <Mappings /> : <Alerts />}
    </>
  );
}
