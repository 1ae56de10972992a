import { IconPlugConnected, IconPlus } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'observe/ingest',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/sources',
      staticData: { title: 'Sources' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['senders', 'unknown', 'bindings', 'ways']),
        q: text(s.q),
        connect: flag(s.connect),
      }),
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/sources',
      label: 'Sources',
      icon: IconPlugConnected,
      chord: 'g 4',
      permission: 'source.read',
    },
  ],
  actions: [
    {
      id: 'source.connect',
      label: 'Connect a sender',
      icon: IconPlus,
      keywords: 'prometheus opentelemetry otlp telegraf influx statsd ingest metrics logs traces',
      to: '/observe/sources?connect=true',
      permission: 'source.read',
    },
  ],
});
