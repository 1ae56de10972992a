import { IconActivity, IconPlus, IconTool } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text, texts } from '@/lib/search';
import { useFailingChecks } from './queries';

export const module = defineModule({
  id: 'observe/check',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/checks',
      staticData: { title: 'Checks' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        state: texts(s.state),
        item: text(s.item),
        type: text(s.type),
        from: text(s.from),
        sort: oneOf(s.sort, ['name', 'state']),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/checks/new',
      staticData: { title: 'Add a check' },
      validateSearch: (s: Record<string, unknown>) => ({
        item: text(s.item),
        type: text(s.type),
        trap: text(s.trap),
      }),
    }).lazy(() => import('./edit').then((m) => m.NewRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/checks/$name',
      staticData: { title: 'Check' },
      validateSearch: (s: Record<string, unknown>) => ({ from: text(s.from), to: text(s.to) }),
    }).lazy(() => import('./detail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/checks/$name/edit',
      staticData: { title: 'Change a check' },
    }).lazy(() => import('./edit').then((m) => m.EditRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/downtimes',
      staticData: { title: 'Maintenance' },
      validateSearch: (s: Record<string, unknown>) => ({
        past: flag(s.past),
        new: flag(s.new),
        item: text(s.item),
        check: text(s.check),
      }),
    }).lazy(() => import('./downtimes').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/checks',
      label: 'Checks',
      icon: IconActivity,
      chord: 'g c',
      phone: true,
      permission: 'check.read',
      useCount: useFailingChecks,
    },
    {
      wing: 'observe',
      to: '/observe/downtimes',
      label: 'Maintenance',
      icon: IconTool,
      chord: 'g m',
      permission: 'check.read',
    },
  ],
  actions: [
    {
      id: 'check.new',
      label: 'Add a check',
      icon: IconPlus,
      keywords: 'monitor probe',
      to: '/observe/checks/new',
      permission: 'check.write',
    },
  ],
});
