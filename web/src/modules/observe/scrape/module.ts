import { IconDownload, IconPlus } from '@tabler/icons-react';
import { createRoute } from '@tanstack/react-router';
import { defineModule, rootRoute } from '@/lib/module';
import { flag } from '@/lib/search';

export const module = defineModule({
  id: 'observe/scrape',
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/scraping',
      staticData: { title: 'Scraping' },
      validateSearch: (s: Record<string, unknown>) => ({ add: flag(s.add) }),
    }).lazy(() => import('./list').then((m) => m.Route)),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/observe/scraping/$name',
      staticData: { title: 'Scrape job' },
    }).lazy(() => import('./job').then((m) => m.Route)),
  ],
  nav: [
    {
      wing: 'observe',
      to: '/observe/scraping',
      label: 'Scraping',
      icon: IconDownload,
      chord: 'g 5',
      permission: 'source.read',
    },
  ],
  actions: [
    {
      id: 'scrape.add',
      label: 'Add a scrape job',
      icon: IconPlus,
      keywords: 'prometheus exporter metrics targets',
      to: '/observe/scraping?add=true',
      permission: 'source.write',
    },
  ],
});
