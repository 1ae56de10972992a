import { IconBell, IconBellOff } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'respond/alert',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/alerts',
      staticData: { title: 'Alerts' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        status: oneOf(s.status, ['firing', 'resolved', 'all']),
        severity: oneOf(s.severity, ['critical', 'warning', 'unknown']),
        item: text(s.item),
        check: text(s.check),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/alerts/$id',
      staticData: { title: 'Alert' },
    }).lazy(() => import('./detail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/silences',
      staticData: { title: 'Silences' },
      validateSearch: (s: Record<string, unknown>) => ({ expired: flag(s.expired), new: flag(s.new) }),
    }).lazy(() => import('./silences').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'respond',
      to: '/respond/alerts',
      label: 'Alerts',
      icon: IconBell,
      chord: 'g a',
      phone: true,
      permission: 'alert.read',
    },
    {
      wing: 'respond',
      to: '/respond/silences',
      label: 'Silences',
      icon: IconBellOff,
      chord: 'g z',
      permission: 'alert.read',
    },
  ],
});
