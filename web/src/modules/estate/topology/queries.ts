import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type TopologyMap = Schemas['TopologyMap'];
export type MapNode = Schemas['TopologyNode'];
export type MapEdge = Schemas['TopologyEdge'];
export type ItemLink = Schemas['TopologyItemLink'];
export type Evidence = Schemas['LinkEvidence'];
export type Layer = '2' | '3' | 'service';
export type Grouping = 'site' | 'subnet' | 'role' | 'kind';

export interface Asked {
  layer?: Layer;
  group?: Grouping;
  site?: string;
  root?: string;
}

export const mapQuery = (a: Asked) =>
  queryOptions({
    queryKey: ['topology', 'map', a],
    queryFn: ({ signal }) => call(http.GET('/api/v1/topology', { params: { query: a as never }, signal })),
  });

export const linksQuery = (name: string) =>
  queryOptions({
    queryKey: ['topology', 'links', name],
    queryFn: ({ signal }) => call(http.GET('/api/v1/items/{name}/links', { params: { path: { name } }, signal })),
  });

export const portsQuery = (name: string) =>
  queryOptions({
    queryKey: ['topology', 'interfaces', name],
    queryFn: ({ signal }) => call(http.GET('/api/v1/items/{name}/interfaces', { params: { path: { name } }, signal })),
  });

export const proposalsQuery = (item: string) =>
  queryOptions({
    queryKey: ['topology', 'proposals', item],
    queryFn: ({ signal }) => call(http.GET('/api/v1/topology/proposals', { params: { query: { item } }, signal })),
  });

export const checksQuery = (item: string) =>
  queryOptions({
    queryKey: ['checks', 'of', item],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/checks', { params: { query: { item, limit: 50 } as never }, signal })),
  });

export const decide = (id: string, accept: boolean) =>
  accept
    ? call(http.POST('/api/v1/topology/proposals/{id}/accept', { params: { path: { id } } }))
    : call(http.POST('/api/v1/topology/proposals/{id}/dismiss', { params: { path: { id } } }));

/** The states of some items by name. */
export const states = (item: string[]) =>
  call(http.GET('/api/v1/topology/states', { params: { query: { item } } })).then((l) => l.items);
