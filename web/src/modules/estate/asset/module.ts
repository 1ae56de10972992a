import { IconPackage, IconPlus } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'estate/asset',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/assets',
      staticData: { title: 'Assets' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        state: texts(s.state),
        holder: text(s.holder),
        overdue: flag(s.overdue),
        add: flag(s.add),
      }),
    }).lazy(() => import('./assets').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/assets/$tag',
      staticData: { title: 'Asset' },
    }).lazy(() => import('./asset').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/asset-labels',
      staticData: { title: 'Labels' },
      validateSearch: (s: Record<string, unknown>) => ({ tags: texts(s.tags) }),
    }).lazy(() => import('./labels').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/stock',
      staticData: { title: 'Stock' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q), short: flag(s.short) }),
    }).lazy(() => import('./stock').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/end-of-life',
      staticData: { title: 'End of life' },
      validateSearch: (s: Record<string, unknown>) => ({
        state: oneOf(s.state, ['past', 'soon', 'later']),
        product: text(s.product),
      }),
    }).lazy(() => import('./end-of-life').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/licenses',
      staticData: { title: 'Licenses' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q) }),
    }).lazy(() => import('./licenses').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/licenses/$name',
      staticData: { title: 'License' },
    }).lazy(() => import('./license').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/expiring',
      staticData: { title: 'Expiring' },
    }).lazy(() => import('./expiring').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'estate',
      to: '/estate/assets',
      label: 'Assets',
      icon: IconPackage,
      chord: 'g q',
      permission: 'asset.read',
    },
  ],
  actions: [
    {
      id: 'asset.new',
      label: 'Add an asset',
      icon: IconPlus,
      to: '/estate/assets?add=true',
      permission: 'asset.write',
    },
  ],
});
