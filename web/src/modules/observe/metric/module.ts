import { IconChartLine } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text, texts } from '@/lib/search';

export const module = defineModule({
  id: 'observe/metric',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/metrics',
      staticData: { title: 'Metrics' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: texts(s.q),
        off: texts(s.off),
        from: text(s.from),
        to: text(s.to),
        step: text(s.step),
        shift: text(s.shift),
        view: oneOf(s.view, ['table']),
        only: text(s.only),
        log: flag(s.log),
        stack: flag(s.stack),
        events: flag(s.events),
        browse: flag(s.browse),
        metric: text(s.metric),
        find: text(s.find),
      }),
    }).lazy(() => import('./explorer').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/metrics',
      label: 'Metrics',
      icon: IconChartLine,
      chord: 'v q',
      permission: 'metric.read',
    },
  ],
  actions: [
    {
      id: 'metric.browse',
      label: 'Browse metrics',
      icon: IconChartLine,
      keywords: 'promql query explore graph series',
      to: '/observe/metrics?browse=true',
      permission: 'metric.read',
    },
  ],
});
