import { IconBellRinging } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'observe/trap',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/traps',
      staticData: { title: 'Traps' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['senders', 'access']),
        q: text(s.q),
        item: text(s.item),
        address: text(s.address),
        trap: text(s.trap),
        state: texts(s.state),
        known: oneOf(s.known, ['yes', 'no']),
        only: oneOf(s.only, ['unknown', 'refused']),
        open: text(s.open),
      }),
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/traps',
      label: 'Traps',
      icon: IconBellRinging,
      chord: 'v p',
      permission: 'trap.read',
    },
  ],
});
