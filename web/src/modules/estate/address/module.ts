import { IconNetwork, IconPlus } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag, oneOf, text } from '@/lib/search';

export const module = defineModule({
  id: 'estate/address',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/prefixes',
      staticData: { title: 'Prefixes' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        vrf: text(s.vrf),
        family: oneOf(s.family, ['4', '6']),
        full: flag(s.full),
        add: flag(s.add),
      }),
    }).lazy(() => import('./prefixes').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/prefixes/$id',
      staticData: { title: 'Prefix' },
    }).lazy(() => import('./prefix').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/addresses',
      staticData: { title: 'Addresses' },
      validateSearch: (s: Record<string, unknown>) => ({
        q: text(s.q),
        vrf: text(s.vrf),
        status: oneOf(s.status, ['active', 'reserved', 'dhcp', 'deprecated']),
        dns: oneOf(s.dns, ['wrong', 'ok', 'none', 'no_reverse', 'no_forward', 'mismatch', 'failed', 'unchecked']),
        conflict: flag(s.conflict),
        item: text(s.item),
      }),
    }).lazy(() => import('./addresses').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/vlans',
      staticData: { title: 'VLANs' },
      validateSearch: (s: Record<string, unknown>) => ({ q: text(s.q) }),
    }).lazy(() => import('./vlans').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'estate',
      to: '/estate/prefixes',
      label: 'Addresses',
      icon: IconNetwork,
      chord: 'g n',
      permission: 'address.read',
    },
  ],
  itemParts: [
    {
      id: 'addresses',
      label: 'Addresses',
      order: 40,
      permission: 'address.read',
      tab: false,
      load: () => import('./item-part'),
    },
  ],
  actions: [
    {
      id: 'prefix.new',
      label: 'Add a prefix',
      icon: IconPlus,
      to: '/estate/prefixes?add=true',
      permission: 'address.write',
    },
  ],
});
