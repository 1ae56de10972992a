import { IconCamera, IconChecks, IconPlus, IconServer2, IconSitemap, IconTrash } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text, texts } from '@/lib/search';

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
        lifecycle: oneOf(s.lifecycle, ['planned', 'in_use', 'retired']),
        state: text(s.state),
        label: text(s.label),
        attribute: texts(s.attribute),
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
        tab: text(s.tab),
        as_of: text(s.as_of),
      }),
    }).lazy(() => import('./detail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/items/$name/edit',
      staticData: { title: 'Change an item' },
    }).lazy(() => import('./edit').then((m) => m.EditRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/baselines',
      staticData: { title: 'Baselines' },
      validateSearch: (s: Record<string, unknown>) => ({ add: flag(s.add) }),
    }).lazy(() => import('./baselines').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/baselines/$name',
      staticData: { title: 'Baseline' },
    }).lazy(() => import('./baseline').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/deleted-items',
      staticData: { title: 'Deleted items' },
    }).lazy(() => import('./deleted').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/item-proposals',
      staticData: { title: 'Approvals' },
      validateSearch: (s: Record<string, unknown>) => ({
        state: oneOf(s.state, ['waiting', 'approved', 'rejected', 'withdrawn', 'expired']),
      }),
    }).lazy(() => import('./proposals').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/item-kinds',
      staticData: { title: 'Item kinds' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['kinds', 'relations', 'sources', 'recognition', 'approval']),
      }),
    }).lazy(() => import('./kinds').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/item-kinds/$kind',
      staticData: { title: 'Item kind' },
    }).lazy(() => import('./kind').then((m) => m.Route)),
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
    {
      wing: 'estate',
      to: '/estate/item-proposals',
      label: 'Approvals',
      icon: IconChecks,
      chord: 'g 2',
      permission: 'item.read',
    },
    {
      wing: 'settings',
      to: '/settings/item-kinds',
      label: 'Item kinds',
      icon: IconSitemap,
      chord: 'v k',
      permission: 'item.model',
    },
  ],
  actions: [
    {
      id: 'item.baselines',
      label: 'Baselines of items',
      icon: IconCamera,
      to: '/estate/baselines',
      permission: 'item.read',
    },
    {
      id: 'item.deleted',
      label: 'Deleted items',
      icon: IconTrash,
      to: '/estate/deleted-items',
      permission: 'item.read',
    },
    { id: 'item.new', label: 'Add an item', icon: IconPlus, to: '/estate/items/new', permission: 'item.write' },
  ],
});
