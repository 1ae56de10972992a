import { type AnyRoute, createRoute, createRouter, redirect } from '@tanstack/react-router';
import { rootRoute } from '@/lib/module';
import { text } from '@/lib/search';
import { NotFound } from './not-found';
import { queryClient } from './query';
import { moduleRoutes, navEntries } from './registry';
import { RouteError } from './route-error';
import { Shell } from './shell';

const login = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: (s: Record<string, unknown>): { next?: string } => ({ next: text(s.next) }),
  staticData: { bare: true, title: 'Sign in' },
}).lazy(() => import('./login').then((m) => m.Route));

const setup = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  validateSearch: (s: Record<string, unknown>): { token?: string } => ({ token: text(s.token) }),
  staticData: { bare: true, title: 'First account' },
}).lazy(() => import('./setup').then((m) => m.Route));

// The condition is written out here, so that the build leaves the gallery out.
const gallery =
  import.meta.env.DEV || import.meta.env.MODE === 'gallery'
    ? createRoute({
        getParentRoute: () => rootRoute,
        path: '/gallery',
        staticData: { title: 'Gallery' },
      }).lazy(() => import('@/gallery/route').then((m) => m.Route))
    : undefined;

// Stands in while no module owns the start page.
const start = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    const to = navEntries[0]?.to ?? gallery?.fullPath;
    if (to) throw redirect({ to });
  },
  component: NotFound,
});

rootRoute.update({ component: Shell, notFoundComponent: NotFound });

const hasStart = (moduleRoutes as AnyRoute[]).some((r) => (r.options as { path?: string }).path === '/');
const extra = [...(gallery ? [gallery] : []), ...(hasStart ? [] : [start])];

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
