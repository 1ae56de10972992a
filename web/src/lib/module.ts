import type { QueryClient } from '@tanstack/react-query';
import { type AnyRoute, createRootRouteWithContext, redirect } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import { Problem } from '@/api/problems';
import { sessionQuery } from './session';

/** What every route's loader gets. */
export interface RouterContext {
  queryClient: QueryClient;
}

/** Parent of all routes. A module writes createRoute({ getParentRoute: () => rootRoute, path }).lazy(…). */
export const rootRoute = createRootRouteWithContext<RouterContext>()({
  // All but the bare pages ask who is there first, and come back here after the sign-in.
  beforeLoad: async ({ context, location, matches }) => {
    if (matches.some((m) => m.staticData?.bare)) return;
    try {
      await context.queryClient.ensureQueryData(sessionQuery);
    } catch (e) {
      if (!(e instanceof Problem) || e.status !== 401) throw e;
      const next = location.href === '/' ? undefined : location.href;
      throw redirect({ to: '/login' as string, search: { next } as never });
    }
  },
});

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** Shown without navigation and without a session: sign-in and setup. */
    bare?: boolean;
    /** Name for the browser's title. */
    title?: string;
  }
}

/** The chapters of the navigation, in order. */
export const WINGS = ['overview', 'estate', 'observe', 'respond', 'report', 'settings'] as const;
export type Wing = (typeof WINGS)[number];

type Icon = ComponentType<{ size?: number | string; stroke?: number | string }>;

/** One line of the navigation. */
export interface NavEntry {
  wing: Wing;
  to: string;
  label: string;
  icon: Icon;
  /** Two keys that go there: "g i". */
  chord: string;
  /** Hidden from those who lack it. */
  permission?: string;
  /** Stands in the bottom bar of a phone; the first four are shown. */
  phone?: boolean;
  /** A hook that gives the number beside the label, for example open incidents. */
  useCount?: () => number | undefined;
}

/** One command of the palette. */
export interface PaletteAction {
  id: string;
  label: string;
  icon: Icon;
  /** Other words that find it. */
  keywords?: string;
  permission?: string;
  /** Where it goes; or what it does. */
  to?: string;
  run?: (ctx: { queryClient: QueryClient }) => void;
}

/** What a module of the UI gives to the shell. */
export interface UIModule<R extends readonly AnyRoute[] = readonly AnyRoute[]> {
  /** Its folder: "respond/incident". */
  id: string;
  routes: R;
  nav: readonly NavEntry[];
  actions?: readonly PaletteAction[];
}

/** Declares a module and keeps the types of its routes, so that links to them are checked. */
export function defineModule<const R extends readonly AnyRoute[]>(m: UIModule<R>): UIModule<R> {
  return m;
}
