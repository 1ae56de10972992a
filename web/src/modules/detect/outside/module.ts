import { IconWebhook } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'detect/outside',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/outside',
      staticData: { title: 'Outside alerts' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['programs', 'mappings']),
        q: text(s.q),
        state: oneOf(s.state, ['ended', 'all']),
        severity: oneOf(s.severity, ['critical', 'warning', 'info']),
        program: text(s.program),
        item: text(s.item),
        show: text(s.show),
      }),
    }).lazy(() => import('./page').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/outside/$id',
      staticData: { title: 'Outside alert' },
    }).lazy(() => import('./detail').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'detect',
      to: '/detect/outside',
      label: 'Outside alerts',
      icon: IconWebhook,
      chord: 'v a',
      permission: 'outside.read',
    },
  ],
  actions: [
    {
      id: 'outside.connect',
      label: 'Take alerts of another program',
      icon: IconWebhook,
      keywords: 'prometheus alertmanager grafana zabbix datadog new relic prtg webhook connect',
      to: '/detect/outside?tab=programs',
      permission: 'outside.read',
    },
  ],
});
