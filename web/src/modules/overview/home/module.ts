import { IconLayoutDashboard } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';

export const module = defineModule({
  id: 'overview/home',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/',
      staticData: { title: 'Overview' },
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [{ wing: 'overview', to: '/', label: 'Overview', icon: IconLayoutDashboard, chord: 'g h', phone: true }],
});
