import { IconFlame, IconPlus } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, text, texts } from '@/lib/search';
import { useNewIncidents } from './queries';

export const module = defineModule({
  id: 'respond/incident',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/incidents',
      staticData: { title: 'Incidents' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        all: flag(s.all),
        state: texts(s.state),
        priority: text(s.priority),
        team: text(s.team),
        assignee: text(s.assignee),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/incidents/new',
      staticData: { title: 'Open an incident' },
      validateSearch: (s: Record<string, unknown>) => ({ item: text(s.item) }),
    }).lazy(() => import('./create').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/incidents/$number',
      staticData: { title: 'Incident' },
    }).lazy(() => import('./detail').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'respond',
      to: '/respond/incidents',
      label: 'Incidents',
      icon: IconFlame,
      chord: 'g i',
      phone: true,
      permission: 'incident.read',
      useCount: useNewIncidents,
    },
  ],
  actions: [
    {
      id: 'incident.new',
      label: 'Open an incident',
      keywords: 'create new report outage',
      icon: IconPlus,
      to: '/respond/incidents/new',
      permission: 'incident.write',
    },
  ],
});
