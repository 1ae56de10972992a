import { IconReportAnalytics } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { text } from '@/lib/search';

export const module = defineModule({
  id: 'report/kpi',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/report/availability',
      staticData: { title: 'Availability' },
      validateSearch: (s: Record<string, unknown>) => ({
        item: text(s.item),
        from: text(s.from),
        to: text(s.to),
        owner: text(s.owner),
      }),
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'report',
      to: '/report/availability',
      label: 'Availability',
      icon: IconReportAnalytics,
      chord: 'g v',
      permission: 'report.read',
    },
  ],
});
