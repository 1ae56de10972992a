import { IconApps, IconBug, IconTimeline } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'observe/trace',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/traces',
      staticData: { title: 'Traces' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        service: text(s.service),
        operation: text(s.operation),
        item: text(s.item),
        min: text(s.min),
        failed: flag(s.failed),
        sort: oneOf(s.sort, ['newest', 'slowest']),
        from: text(s.from),
        to: text(s.to),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/traces/$id',
      staticData: { title: 'Trace' },
      validateSearch: (s: Record<string, unknown>) => ({
        span: text(s.span),
        view: oneOf(s.view, ['waterfall', 'flame']),
      }),
    }).lazy(() => import('./trace').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/services',
      staticData: { title: 'Services' },
      validateSearch: (s: Record<string, unknown>) => ({
        view: oneOf(s.view, ['list', 'map', 'statements']),
        from: text(s.from),
        to: text(s.to),
      }),
    }).lazy(() => import('./services').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/services/$name',
      staticData: { title: 'Service' },
      validateSearch: (s: Record<string, unknown>) => ({ from: text(s.from), to: text(s.to) }),
    }).lazy(() => import('./service').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/errors',
      staticData: { title: 'Errors' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        service: text(s.service),
        state: oneOf(s.state, ['open', 'resolved', 'ignored', 'all']),
      }),
    }).lazy(() => import('./errors').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/errors/$id',
      staticData: { title: 'Error' },
    }).lazy(() => import('./error').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/services',
      label: 'Services',
      icon: IconApps,
      chord: 'g 5',
      permission: 'trace.read',
    },
    {
      wing: 'observe',
      to: '/observe/traces',
      label: 'Traces',
      icon: IconTimeline,
      chord: 'g 6',
      permission: 'trace.read',
    },
    { wing: 'observe', to: '/observe/errors', label: 'Errors', icon: IconBug, chord: 'g 7', permission: 'trace.read' },
  ],
});
