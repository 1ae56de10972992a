import { IconFileSearch } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'observe/packet',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/captures',
      staticData: { title: 'Captures' },
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/captures/$id',
      staticData: { title: 'Capture' },
      validateSearch: (s: Record<string, unknown>) => ({
        filter: text(s.filter),
        packet: text(s.packet),
        tab: oneOf(s.tab, ['stream', 'timing', 'findings']),
        view: oneOf(s.view, ['conversations', 'endpoints', 'protocols', 'graph', 'objects']),
        line: texts(s.line),
      }),
    }).lazy(() => import('./capture').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/captures',
      label: 'Captures',
      icon: IconFileSearch,
      chord: 'v 3',
      permission: 'capture.read',
    },
  ],
});
