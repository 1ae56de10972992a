import { IconPlus, IconServer2 } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'estate/inventory',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/items',
      staticData: { title: 'Items' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        kind: text(s.kind),
        owner: text(s.owner),
        criticality: oneOf(s.criticality, ['critical', 'high', 'medium', 'low']),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/items/new',
      staticData: { title: 'Add an item' },
    }).lazy(() => import('./edit').then((m) => m.NewRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/items/$name',
      staticData: { title: 'Item' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['overview', 'impact', 'dependencies', 'history']),
      }),
    }).lazy(() => import('./detail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/items/$name/edit',
      staticData: { title: 'Change an item' },
    }).lazy(() => import('./edit').then((m) => m.EditRoute)),
  ],
  nav: [
    {
      wing: 'estate',
      to: '/estate/items',
      label: 'Items',
      icon: IconServer2,
      chord: 'g e',
      permission: 'item.read',
    },
  ],
  actions: [
    { id: 'item.new', label: 'Add an item', icon: IconPlus, to: '/estate/items/new', permission: 'item.write' },
  ],
});
