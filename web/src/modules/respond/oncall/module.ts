import { IconCalendarUser, IconStairsUp } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'respond/oncall',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/oncall',
      staticData: { title: 'On call' },
      validateSearch: (s: Record<string, unknown>) => ({ weeks: oneOf(text(s.weeks), ['2', '4']), from: text(s.from) }),
    }).lazy(() => import('./page').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/schedules/$name',
      staticData: { title: 'Schedule' },
    }).lazy(() => import('./schedule').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/escalations',
      staticData: { title: 'Escalations' },
    }).lazy(() => import('./escalations').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/escalations/$name',
      staticData: { title: 'Escalation' },
    }).lazy(() => import('./escalation').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'respond',
      to: '/respond/oncall',
      label: 'On call',
      icon: IconCalendarUser,
      chord: 'g o',
      phone: true,
      permission: 'oncall.read',
    },
    {
      wing: 'respond',
      to: '/respond/escalations',
      label: 'Escalations',
      icon: IconStairsUp,
      chord: 'g x',
      permission: 'oncall.read',
    },
  ],
});
