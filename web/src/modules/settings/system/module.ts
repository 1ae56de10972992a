import {
  IconFileCode,
  IconGavel,
  IconHistory,
  IconInfoCircle,
  IconKey,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { text } from '@/lib/search';

export const module = defineModule({
  id: 'settings/system',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/people',
      staticData: { title: 'People' },
    }).lazy(() => import('./people').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/teams',
      staticData: { title: 'Teams' },
    }).lazy(() => import('./teams').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/tokens',
      staticData: { title: 'API tokens' },
    }).lazy(() => import('./tokens').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/audit',
      staticData: { title: 'Audit log' },
      validateSearch: (s: Record<string, unknown>) => ({
        kind: text(s.kind),
        action: text(s.action),
        actor: text(s.actor),
      }),
    }).lazy(() => import('./audit').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/policies',
      staticData: { title: 'Policies' },
    }).lazy(() => import('./policies').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/ops-yaml',
      staticData: { title: 'ops.yaml' },
    }).lazy(() => import('./opsyaml').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/about',
      staticData: { title: 'About' },
    }).lazy(() => import('./about').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'settings',
      to: '/settings/people',
      label: 'People',
      icon: IconUsers,
      chord: 'g u',
      permission: 'account.read',
    },
    {
      wing: 'settings',
      to: '/settings/teams',
      label: 'Teams',
      icon: IconUsersGroup,
      chord: 'v m',
      permission: 'account.read',
    },
    {
      wing: 'settings',
      to: '/settings/policies',
      label: 'Policies',
      icon: IconGavel,
      chord: 'g p',
      permission: 'policy.read',
    },
    {
      wing: 'settings',
      to: '/settings/tokens',
      label: 'API tokens',
      icon: IconKey,
      chord: 'g k',
      permission: 'token.manage',
    },
    {
      wing: 'settings',
      to: '/settings/ops-yaml',
      label: 'ops.yaml',
      icon: IconFileCode,
      chord: 'g y',
      permission: 'system.apply',
    },
    {
      wing: 'settings',
      to: '/settings/audit',
      label: 'Audit log',
      icon: IconHistory,
      chord: 'g l',
      permission: 'audit.read',
    },
    {
      wing: 'settings',
      to: '/settings/about',
      label: 'About',
      icon: IconInfoCircle,
      chord: 'g b',
      permission: 'system.read',
    },
  ],
});
