import { IconBellRinging, IconHeartbeat, IconMail, IconMailCog, IconSend } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'respond/notify',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/respond/notifications',
      staticData: { title: 'Notifications' },
      validateSearch: (s: Record<string, unknown>) => ({
        incident: text(s.incident),
        state: oneOf(s.state, ['queued', 'sent', 'failed']),
        channel: text(s.channel),
      }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/channels',
      staticData: { title: 'Channels' },
    }).lazy(() => import('./channels').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/mail',
      staticData: { title: 'Mail server' },
    }).lazy(() => import('./mail').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/heartbeat',
      staticData: { title: 'Heartbeat' },
    }).lazy(() => import('./heartbeat').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/settings/contacts',
      staticData: { title: 'How you are told' },
      validateSearch: (s: Record<string, unknown>) => ({ person: text(s.person) }),
    }).lazy(() => import('./contacts').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'respond',
      to: '/respond/notifications',
      label: 'Notifications',
      icon: IconSend,
      chord: 'v n',
      permission: 'notification.read',
    },
    {
      wing: 'settings',
      to: '/settings/channels',
      label: 'Channels',
      icon: IconMail,
      chord: 'g j',
      permission: 'notification.read',
    },
    {
      wing: 'settings',
      to: '/settings/mail',
      label: 'Mail server',
      icon: IconMailCog,
      chord: 'g w',
      permission: 'channel.write',
    },
    {
      wing: 'settings',
      to: '/settings/heartbeat',
      label: 'Heartbeat',
      icon: IconHeartbeat,
      chord: 'g 8',
      permission: 'channel.write',
    },
    {
      wing: 'settings',
      to: '/settings/contacts',
      label: 'How you are told',
      icon: IconBellRinging,
      chord: 'g 9',
      permission: 'contact.write',
    },
  ],
});
