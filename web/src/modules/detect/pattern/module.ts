import { IconFingerprint } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'detect/pattern',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/patterns',
      staticData: { title: 'Log patterns' },
      validateSearch: (s: Record<string, unknown>) => ({
        tab: oneOf(s.tab, ['signals', 'alerts']),
        q: text(s.q),
        state: oneOf(s.state, ['new', 'exploding', 'vanished', 'usual', 'learning']),
        mark: oneOf(s.mark, ['known', 'muted', 'notable', 'none']),
        item: text(s.item),
        words: flag(s.words),
        sort: oneOf(s.sort, ['rare', 'most', 'newest']),
        kind: oneOf(s.kind, ['new', 'exploding', 'vanished']),
      }),
    }).lazy(() => import('./page').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/detect/patterns/$id',
      staticData: { title: 'Log pattern' },
    }).lazy(() => import('./detail').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'detect',
      to: '/detect/patterns',
      label: 'Log patterns',
      icon: IconFingerprint,
      chord: 'v y',
      permission: 'pattern.read',
    },
  ],
  actions: [
    {
      id: 'pattern.rare',
      label: 'Show the rarest log lines',
      icon: IconFingerprint,
      keywords: 'log patterns templates unusual',
      to: '/detect/patterns?sort=rare',
      permission: 'pattern.read',
    },
  ],
});
