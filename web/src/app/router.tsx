import { type AnyRoute, createRoute, createRouter, redirect } from '@tanstack/react-router';
import { z } from 'zod/mini';
import { rootRoute } from '@/lib/module';
import { NotFound } from './not-found';
import { queryClient } from './query';
import { GALLERY, moduleRoutes, navEntries } from './registry';
import { RouteError } from './route-error';
import { Shell } from './shell';

const text = z.catch(z.optional(z.string()), undefined);

const login = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: z.object({ next: text }),
  staticData: { bare: true, title: 'Sign in' },
}).lazy(() => import('./login').then((m) => m.Route));

const setup = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  validateSearch: z.object({ token: text }),
  staticData: { bare: true, title: 'First account' },
}).lazy(() => import('./setup').then((m) => m.Route));

const gallery = createRoute({
  getParentRoute: () => rootRoute,
  path: '/gallery',
  staticData: { title: 'Gallery' },
}).lazy(() => (GALLERY ? import('@/gallery/route').then((m) => m.Route) : Promise.reject(new Error('not built'))));

// Stands in while no module owns the start page.
const start = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    const to = navEntries[0]?.to ?? (GALLERY ? '/gallery' : undefined);
    if (to) throw redirect({ to });
  },
  component: NotFound,
});

rootRoute.update({ component: Shell, notFoundComponent: NotFound });

const hasStart = (moduleRoutes as AnyRoute[]).some((r) => (r.options as { path?: string }).path === '/');
const extra = [...(GALLERY ? [gallery] : []), ...(hasStart ? [] : [start])];

export const router = createRouter({
  routeTree: rootRoute.addChildren([login, setup, ...extra, ...moduleRoutes]),
  context: { queryClient },
  defaultPreload: 'intent',
  defaultPendingMs: 200,
  defaultErrorComponent: RouteError,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
