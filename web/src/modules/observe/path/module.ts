import { IconRoute } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, text } from '@/lib/search';

export const module = defineModule({
  id: 'observe/path',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/paths',
      staticData: { title: 'Paths' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q), over: text(s.over), add: flag(s.add) }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/paths/$name',
      staticData: { title: 'Path' },
      validateSearch: (s: Record<string, unknown>) => ({
        from: text(s.from),
        to: text(s.to),
        hop: text(s.hop),
        edit: flag(s.edit),
      }),
    }).lazy(() => import('./path').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/paths',
      label: 'Paths',
      icon: IconRoute,
      chord: 'v w',
      permission: 'path.read',
    },
  ],
});
