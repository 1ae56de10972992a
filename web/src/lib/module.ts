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
export const WINGS = ['overview', 'estate', 'observe', 'detect', 'respond', 'report', 'settings'] as const;
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

/** A tab or a panel that a module adds to the page of an item. */
export interface ItemPart {
  /** Unique, as written in the address of the page: "connections". */
  id: string;
  label: string;
  /** Lower stands first; the page's own parts are at 0 (overview), 10, 20, 30 and 100 (history). */
  order: number;
  /** Left out for those who lack it. */
  permission?: string;
  /** A tab of its own; otherwise a panel on the overview. */
  tab: boolean;
  /** The component; it is given the name of the item. A panel with nothing to say renders null. */
  load: () => Promise<{ default: ComponentType<{ item: string }> }>;
}

/** What a module of the UI gives to the shell. */
export interface UIModule<R extends readonly AnyRoute[] = readonly AnyRoute[]> {
  /** Its folder: "respond/incident". */
  id: string;
  routes: R;
  nav: readonly NavEntry[];
  actions?: readonly PaletteAction[];
  /** Parts of the page of an item. */
  itemParts?: readonly ItemPart[];
}

const parts: ItemPart[] = [];

/** The parts of the page of an item, of all modules, in order. */
export function itemParts(): readonly ItemPart[] {
  return [...parts].sort((a, b) => a.order - b.order);
}

/** Declares a module and keeps the types of its routes, so that links to them are checked. */
export function defineModule<const R extends readonly AnyRoute[]>(m: UIModule<R>): UIModule<R> {
  for (const p of m.itemParts ?? []) {
    const at = parts.findIndex((o) => o.id === p.id);
    if (at >= 0) parts[at] = p;
    else parts.push(p);
  }
  return m;
}
