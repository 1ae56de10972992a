import { IconArrowsExchange } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'observe/flow',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/flows',
      staticData: { title: 'Flows' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['paths', 'records', 'exporters', 'unusual']),
        by: text(s.by),
        metric: oneOf(s.metric, ['packets', 'flows']),
        filter: texts(s.filter),
        from: text(s.from),
        to: text(s.to),
        compare: flag(s.compare),
        open: text(s.open),
      }),
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/flows',
      label: 'Flows',
      icon: IconArrowsExchange,
      chord: 'v f',
      permission: 'flow.read',
    },
  ],
  itemParts: [
    {
      id: 'flows',
      label: 'Flows',
      order: 32,
      permission: 'flow.read',
      tab: true,
      load: () => import('./item-part'),
    },
  ],
});
