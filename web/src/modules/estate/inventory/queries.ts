import { queryOptions, useQuery } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Item = Schemas['InventoryView'];
export type Relation = Schemas['InventoryRelationView'];
export type Reached = Schemas['InventoryReachedView'];
export type CreateItem = Schemas['CreateItemBody'];
export type UpdateItem = Schemas['UpdateItemBody'];
export type Criticality = 'critical' | 'high' | 'medium' | 'low';

export interface Filters {
  q?: string;
  kind?: string;
  owner?: string;
  criticality?: Criticality;
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

export const dependenciesQuery = (name: string) =>
  queryOptions({
    queryKey: ['item', name, 'dependencies'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/items/{name}/dependencies', { params: { path: { name } }, signal })),
  });

export const historyQuery = (name: string) =>
  queryOptions({
    queryKey: ['item', name, 'history'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/items/{name}/history', { params: { path: { name }, query: { limit: 200 } }, signal })),
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
    staleTime: Number.POSITIVE_INFINITY,
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
