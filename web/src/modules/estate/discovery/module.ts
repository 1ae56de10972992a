import { IconListCheck, IconPlus, IconRadar2, IconShieldLock } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'estate/discovery',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/discovery',
      staticData: { title: 'Discovery' },
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/discovery/new',
      staticData: { title: 'New discovery job' },
    }).lazy(() => import('./edit').then((m) => m.NewRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/discovery/$name',
      staticData: { title: 'Discovery job' },
      validateSearch: (s: Record<string, unknown>) => ({
        run: text(s.run),
        tab: oneOf(s.tab, ['findings', 'drift', 'runs', 'log']),
        q: text(s.q),
        outcome: texts(s.outcome),
        item: oneOf(s.item, ['yes', 'no']),
      }),
    }).lazy(() => import('./job').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/discovery/$name/edit',
      staticData: { title: 'Change a discovery job' },
    }).lazy(() => import('./edit').then((m) => m.EditRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/suggestions',
      staticData: { title: 'Suggested checks' },
      validateSearch: (s: Record<string, unknown>) => ({ item: text(s.item) }),
    }).lazy(() => import('./suggestions').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/credentials',
      staticData: { title: 'Credentials' },
    }).lazy(() => import('./credentials').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'estate',
      to: '/estate/discovery',
      label: 'Discovery',
      icon: IconRadar2,
      chord: 'g d',
      permission: 'item.read',
    },
    {
      wing: 'estate',
      to: '/estate/suggestions',
      label: 'Suggested checks',
      icon: IconListCheck,
      chord: 'v c',
      permission: 'item.read',
    },
    {
      wing: 'settings',
      to: '/settings/credentials',
      label: 'Credentials',
      icon: IconShieldLock,
      chord: 'g r',
      permission: 'credential.read',
    },
  ],
  actions: [
    {
      id: 'discovery.new',
      label: 'Discover a network',
      icon: IconPlus,
      to: '/estate/discovery/new',
      permission: 'discovery.write',
    },
  ],
});
