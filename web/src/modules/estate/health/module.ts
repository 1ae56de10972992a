import { IconHeartRateMonitor } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf } from '@/lib/search';
import { VIEWS } from './model';

export const module = defineModule({
  id: 'estate/health',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/health',
      staticData: { title: 'Inventory health' },
      validateSearch: (s: Record<string, unknown>) => ({ list: oneOf(s.list, VIEWS) }),
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'estate',
      to: '/estate/health',
      label: 'Inventory health',
      icon: IconHeartRateMonitor,
      chord: 'v h',
      permission: 'item.read',
    },
  ],
  actions: [],
});
