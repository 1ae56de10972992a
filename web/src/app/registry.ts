import type { AnyRoute } from '@tanstack/react-router';
import { type NavEntry, type PaletteAction, type UIModule, WINGS } from '@/lib/module';
import { modules } from '@/modules';

type List = typeof modules;
type Routes = List extends readonly [] ? AnyRoute : List[number] extends { routes: infer R } ? R : never;
type Child = Routes extends readonly (infer C)[] ? C : never;

const list: readonly UIModule[] = modules;

export const moduleRoutes = list.flatMap((m) => [...m.routes]) as Child[];

/** All navigation entries in the order of the wings. */
export const navEntries: NavEntry[] = WINGS.flatMap((w) => list.flatMap((m) => m.nav.filter((n) => n.wing === w)));

export const paletteActions: PaletteAction[] = list.flatMap((m) => [...(m.actions ?? [])]);
