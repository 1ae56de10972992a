import { IconPackages, IconPlus, IconRobot } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'observe/agent',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/agents',
      staticData: { title: 'Agents' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        state: oneOf(s.state, ['waiting', 'up', 'late', 'offline', 'revoked']),
        add: flag(s.add),
        update: flag(s.update),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/agents/$name',
      staticData: { title: 'Agent' },
      validateSearch: (s: Record<string, unknown>) => ({ tab: text(s.tab), q: text(s.q) }),
    }).lazy(() => import('./detail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/agent-tokens',
      staticData: { title: 'Enrolment tokens' },
    }).lazy(() => import('./tokens').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/agent-logs',
      staticData: { title: 'Logs of agents' },
    }).lazy(() => import('./logs').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/software',
      staticData: { title: 'Software' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q), name: text(s.name), below: text(s.below) }),
    }).lazy(() => import('./software').then((m) => m.Route)),
  ],
  nav: [
    { wing: 'estate', to: '/estate/agents', label: 'Agents', icon: IconRobot, chord: 'g f', permission: 'agent.read' },
    {
      wing: 'estate',
      to: '/estate/software',
      label: 'Software',
      icon: IconPackages,
      chord: 'g s',
      permission: 'agent.read',
    },
  ],
  itemParts: [
    {
      id: 'agent',
      label: 'Agent',
      order: 35,
      permission: 'agent.read',
      tab: false,
      load: () => import('./item-part'),
    },
  ],
  actions: [
    {
      id: 'agent.add',
      label: 'Add a host',
      icon: IconPlus,
      keywords: 'agent install enroll',
      to: '/estate/agents?add=true',
      permission: 'agent.write',
    },
  ],
});
