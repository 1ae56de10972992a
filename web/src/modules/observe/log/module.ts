import { IconFileText } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'observe/log',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/logs',
      staticData: { title: 'Logs' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        from: text(s.from),
        to: text(s.to),
        cols: texts(s.cols),
        live: flag(s.live),
        wrap: flag(s.wrap),
      }),
    }).lazy(() => import('./explorer').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/logs/parsers',
      staticData: { title: 'Log parsers' },
    }).lazy(() => import('./parsers').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/logs/parsers/$name',
      staticData: { title: 'Log parser' },
      validateSearch: (s: Record<string, unknown>) => ({ sample: text(s.sample), app: text(s.app) }),
    }).lazy(() => import('./parser').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/logs',
      label: 'Logs',
      icon: IconFileText,
      chord: 'v l',
      permission: 'log.read',
    },
  ],
  itemParts: [
    {
      id: 'logs',
      label: 'Logs',
      order: 27,
      permission: 'log.read',
      tab: true,
      load: () => import('./item-part'),
    },
  ],
  actions: [
    {
      id: 'log.parsers',
      label: 'Log parsers',
      icon: IconFileText,
      keywords: 'grok fields regular expression format',
      to: '/observe/logs/parsers',
      permission: 'log.parser.write',
    },
    {
      id: 'log.errors',
      label: 'Show errors in the logs',
      icon: IconFileText,
      keywords: 'log search lines',
      to: '/observe/logs?q=level%3Ain(error%2Ccritical%2Calert%2Cemergency)',
      permission: 'log.read',
    },
  ],
});
