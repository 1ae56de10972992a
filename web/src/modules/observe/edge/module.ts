import { IconPlus, IconRouteSquare2 } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, text } from '@/lib/search';

export const module = defineModule({
  id: 'observe/edge',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/edges',
      staticData: { title: 'Edges' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q), add: flag(s.add) }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/edges/$name',
      staticData: { title: 'Edge' },
    }).lazy(() => import('./detail').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/edges',
      label: 'Edges',
      icon: IconRouteSquare2,
      chord: 'g 3',
      permission: 'edge.read',
    },
  ],
  actions: [
    {
      id: 'edge.add',
      label: 'Add an edge',
      icon: IconPlus,
      keywords: 'remote site collector enroll',
      to: '/observe/edges?add=true',
      permission: 'agent.write',
    },
  ],
});
