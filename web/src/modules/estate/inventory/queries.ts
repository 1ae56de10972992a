import { queryOptions, useQuery } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { done } from '@/ui/toast';

export type Item = Schemas['InventoryView'];
export type Relation = Schemas['InventoryRelationView'];
export type Reached = Schemas['InventoryReachedView'];
export type Kind = Schemas['InventoryKindView'];
export type AttributeRule = Schemas['KindAttribute'];
export type Attribute = Schemas['InventoryAttributeView'];
export type CreateItem = Schemas['CreateItemBody'];
export type UpdateItem = Schemas['UpdateItemBody'];
export type Criticality = 'critical' | 'high' | 'medium' | 'low';

export interface Filters {
  q?: string;
  kind?: string;
  owner?: string;
  criticality?: Criticality;
  lifecycle?: 'planned' | 'in_use' | 'retired';
  state?: string;
  label?: string;
  attribute?: string[];
}

export function listItems(f: Filters, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/items', { params: { query: { ...f, cursor, limit } as never }, signal }));
}

export const itemQuery = (name: string) =>
  queryOptions({
    queryKey: ['item', name],
    queryFn: ({ signal }) => callTagged(http.GET('/api/v1/items/{name}', { params: { path: { name } }, signal })),
  });

export const relationsQuery = (name: string) =>
  queryOptions({
    queryKey: ['item', name, 'relations'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/items/{name}/relations', { params: { path: { name }, query: { limit: 500 } }, signal })),
  });

export const impactQuery = (name: string) =>
  queryOptions({
    queryKey: ['item', name, 'impact'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/items/{name}/impact', { params: { path: { name } }, signal })),
  });

export const simulateQuery = (names: string[]) =>
  queryOptions({
    queryKey: ['item', names[0] ?? '', 'impact', names],
    queryFn: ({ signal }) => call(http.GET('/api/v1/impact', { params: { query: { item: names } }, signal })),
  });

export const dependenciesQuery = (name: string) =>
  queryOptions({
    queryKey: ['item', name, 'dependencies'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/items/{name}/dependencies', { params: { path: { name } }, signal })),
  });

export const checksOfQuery = (item: string) =>
  queryOptions({
    queryKey: ['checks', 'of', item],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/checks', { params: { query: { item, sort: 'state', limit: 100 } }, signal })),
  });

export const incidentsOfQuery = (item: string) =>
  queryOptions({
    queryKey: ['incidents', 'of', item],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/incidents', { params: { query: { item, limit: 20 } as never }, signal })),
  });

export const suggestionsOfQuery = (item: string) =>
  queryOptions({
    queryKey: ['suggestions', 'of', item],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/discovery/suggestions', { params: { query: { item, state: 'open' as const } }, signal })),
  });

export function useKinds() {
  return useQuery({
    queryKey: ['item-kinds'],
    staleTime: 60_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/item-kinds', { signal })),
  });
}

export const createItem = (body: CreateItem) => call(http.POST('/api/v1/items', { body }));
export const updateItem = (name: string, body: UpdateItem, etag: string | undefined) =>
  call(http.PATCH('/api/v1/items/{name}', { params: { path: { name }, header: { 'If-Match': etag } }, body }));
export const deleteItem = (name: string) => call(http.DELETE('/api/v1/items/{name}', { params: { path: { name } } }));
export const addRelation = (name: string, type: string, item: string) =>
  call(http.POST('/api/v1/items/{name}/relations', { params: { path: { name } }, body: { type, item } as never }));
export const removeRelation = (name: string, type: string, other: string) =>
  call(http.DELETE('/api/v1/items/{name}/relations/{type}/{other}', { params: { path: { name, type, other } } }));
export const acceptSuggestion = (id: string) =>
  call(http.POST('/api/v1/discovery/suggestions/{id}/accept', { params: { path: { id } } }));

export const relationTypesQuery = queryOptions({
  queryKey: ['relation-types'],
  staleTime: 60_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/relation-types', { signal })),
});

export const attributesQuery = (name: string) =>
  queryOptions({
    queryKey: ['item', name, 'attributes'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/items/{name}/attributes', { params: { path: { name } }, signal })),
  });

/** The item as it was at the end of a day. */
export const pastQuery = (name: string, asOf: string) =>
  queryOptions({
    queryKey: ['item', name, 'as of', asOf],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/items/{name}', { params: { path: { name }, query: { as_of: asOf } }, signal })),
  });

/** Sets one attribute; null lets what was discovered show again. */
export const setAttribute = (name: string, key: string, value: unknown) =>
  updateItem(name, { attributes: { [key]: value } } as never, undefined);

/** Kinds below the kind that they extend, with how deep they stand. */
export function inTree(kinds: readonly Kind[]): { kind: Kind; depth: number }[] {
  const out: { kind: Kind; depth: number }[] = [];
  const add = (parent: string, depth: number) => {
    for (const kind of kinds) {
      if (kind.parent !== parent) continue;
      out.push({ kind, depth });
      if (depth < 20) add(kind.name, depth + 1);
    }
  };
  add('', 0);
  return out;
}

/** Kinds for a choice, indented as in the tree. */
export const kindChoices = (kinds: readonly Kind[]) =>
  inTree(kinds).map(({ kind, depth }) => ({ value: kind.name, label: `${'\u2003'.repeat(depth)}${kind.title}` }));

/** True, and said so, when an edit waits for a second person instead of being made. */
export function waits(answer: unknown): boolean {
  const w = !!answer && typeof answer === 'object' && 'proposal' in answer && !!answer.proposal;
  if (w) done('Nothing was changed yet: the change waits for approval by a second person.');
  return w;
}
