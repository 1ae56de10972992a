import { IconAccessPoint, IconPlus } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, text } from '@/lib/search';

export const module = defineModule({
  id: 'observe/iot',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/iot',
      staticData: { title: 'Sensors' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q), tab: text(s.tab), add: flag(s.add) }),
    }).lazy(() => import('./page').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/iot/$id',
      staticData: { title: 'Sensor' },
    }).lazy(() => import('./detail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/iot/floors/$id',
      staticData: { title: 'Floor' },
    }).lazy(() => import('./floor').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/iot',
      label: 'Sensors',
      icon: IconAccessPoint,
      chord: 'v i',
      permission: 'iot.read',
    },
  ],
  actions: [
    {
      id: 'iot.add',
      label: 'Add a sensor or machine',
      icon: IconPlus,
      keywords: 'mqtt device iot zigbee tasmota sparkplug',
      to: '/observe/iot?add=true',
      permission: 'iot.client',
    },
  ],
});
