import { IconFileImport } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';

export const module = defineModule({
  id: 'estate/import',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/estate/import',
      staticData: { title: 'Import items' },
    }).lazy(() => import('./page').then((m) => m.Route)),
  ],
  nav: [],
  actions: [
    { id: 'item.import', label: 'Import items', icon: IconFileImport, to: '/estate/import', permission: 'item.write' },
  ],
});
