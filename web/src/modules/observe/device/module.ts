import { IconRouter } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'observe/device',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/devices',
      staticData: { title: 'Devices' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        state: texts(s.state),
        ports: oneOf(s.ports, ['down']),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/devices/$name',
      staticData: { title: 'Device' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['health', 'routing', 'polling']),
        q: text(s.q),
        port: text(s.port),
        from: text(s.from),
        to: text(s.to),
      }),
    }).lazy(() => import('./detail').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/devices',
      label: 'Devices',
      icon: IconRouter,
      chord: 'v 1',
      permission: 'metric.read',
    },
  ],
  itemParts: [
    {
      id: 'device',
      label: 'SNMP',
      order: 25,
      permission: 'metric.read',
      tab: false,
      load: () => import('./item-part'),
    },
  ],
});
