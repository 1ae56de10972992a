import { IconLayoutDashboard, IconPlus } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text, texts } from '@/lib/search';

const look = (s: Record<string, unknown>) => ({
  from: text(s.from),
  to: text(s.to),
  refresh: text(s.refresh),
  var: texts(s.var),
  wall: flag(s.wall),
});

export const module = defineModule({
  id: 'report/dashboard',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/report/dashboards',
      staticData: { title: 'Dashboards' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q), add: oneOf(s.add, ['new', 'import']) }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/report/dashboards/$name',
      staticData: { title: 'Dashboard' },
      validateSearch: (s: Record<string, unknown>) => ({ ...look(s), edit: flag(s.edit) }),
    }).lazy(() => import('./page').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/shared/$token',
      staticData: { bare: true, title: 'Dashboard' },
      validateSearch: look,
    }).lazy(() => import('./shared').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'report',
      to: '/report/dashboards',
      label: 'Dashboards',
      icon: IconLayoutDashboard,
      chord: 'v b',
      permission: 'dashboard.read',
    },
  ],
  actions: [
    {
      id: 'dashboard.new',
      label: 'Make a dashboard',
      icon: IconPlus,
      to: '/report/dashboards?add=new',
      permission: 'dashboard.write',
    },
  ],
});
