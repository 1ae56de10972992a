import { IconBellRinging, IconPlus, IconTargetArrow } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'detect/rule',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/rules',
      staticData: { title: 'Rules' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        state: oneOf(s.state, ['firing', 'pending', 'inactive', 'disabled']),
        severity: oneOf(s.severity, ['critical', 'warning', 'info']),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/rules/new',
      staticData: { title: 'Add a rule' },
      validateSearch: (s: Record<string, unknown>) => ({ expr: text(s.expr), logs: text(s.logs), item: text(s.item) }),
    }).lazy(() => import('./edit').then((m) => m.NewRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/rules/import',
      staticData: { title: 'Import rules' },
    }).lazy(() => import('./import').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/rules/$name',
      staticData: { title: 'Rule' },
      validateSearch: (s: Record<string, unknown>) => ({ from: text(s.from), to: text(s.to) }),
    }).lazy(() => import('./detail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/rules/$name/edit',
      staticData: { title: 'Change a rule' },
    }).lazy(() => import('./edit').then((m) => m.EditRoute)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/slos',
      staticData: { title: 'Objectives' },
    }).lazy(() => import('./slos').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/slos/$name',
      staticData: { title: 'Objective' },
    }).lazy(() => import('./slo').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'detect',
      to: '/detect/rules',
      label: 'Rules',
      icon: IconBellRinging,
      chord: 'v r',
      permission: 'rule.read',
    },
    {
      wing: 'detect',
      to: '/detect/slos',
      label: 'Objectives',
      icon: IconTargetArrow,
      chord: 'v o',
      permission: 'rule.read',
    },
  ],
  actions: [{ id: 'rule.new', label: 'Add a rule', icon: IconPlus, to: '/detect/rules/new', permission: 'rule.write' }],
});
