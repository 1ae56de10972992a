import { IconTopologyStar3 } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'estate/topology',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/topology',
      staticData: { title: 'Topology' },
      validateSearch: (s: Record<string, unknown>) => ({
        layer: oneOf(s.layer, ['3', 'service']) ?? (s.layer === 3 ? '3' : undefined),
        group: oneOf(s.group, ['site', 'subnet', 'role', 'kind']),
        site: text(s.site),
        root: text(s.root),
        q: text(s.q),
        node: text(s.node),
        view: oneOf(s.view, ['table']),
        pins: text(s.pins),
      }),
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'estate',
      to: '/estate/topology',
      label: 'Topology',
      icon: IconTopologyStar3,
      chord: 'g t',
      permission: 'item.read',
    },
  ],
  actions: [],
  itemParts: [
    {
      id: 'connections',
      label: 'Connections',
      order: 30,
      permission: 'item.read',
      tab: true,
      load: () => import('./item-part'),
    },
  ],
});
