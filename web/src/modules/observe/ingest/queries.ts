import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Source = Schemas['IngestSource'];
export type Unknown = Schemas['IngestUnknown'];
export type Binding = Schemas['IngestBinding'];
export type Overview = Schemas['IngestOverview'];
export type Protocol = Schemas['IngestProtocol'];
export type Settings = Schemas['IngestSettings'];

export const overviewQuery = queryOptions({
  queryKey: ['ingest'],
  staleTime: 60_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/ingest', { signal })),
});

export const sourcesQuery = queryOptions({
  queryKey: ['ingest', 'sources'],
  refetchInterval: 5_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/ingest/sources', { signal })),
});

export const unknownQuery = queryOptions({
  queryKey: ['ingest', 'unknown'],
  refetchInterval: 10_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/ingest/unknown', { params: { query: { limit: 1000 } }, signal })),
});

export const bindingsQuery = queryOptions({
  queryKey: ['ingest', 'bindings'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/ingest/bindings', { signal })),
});

export const settingsQuery = queryOptions({
  queryKey: ['ingest', 'settings'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/ingest/settings', { signal })),
});

export const saveSettings = (body: Settings) => call(http.PUT('/api/v1/ingest/settings', { body }));
export const accept = (id: string, item: string, kind?: string) =>
  call(http.POST('/api/v1/ingest/unknown/{id}/accept', { params: { path: { id } }, body: { item, kind } }));
export const ignore = (id: string, ignored: boolean) =>
  call(http.PUT('/api/v1/ingest/unknown/{id}', { params: { path: { id } }, body: { ignored } }));
export const unbind = (id: string) => call(http.DELETE('/api/v1/ingest/bindings/{id}', { params: { path: { id } } }));

/** A token that can send and nothing else. */
export const sendingToken = (name: string) =>
  call(http.POST('/api/v1/tokens', { body: { name, role: 'responder', scopes: ['observe.ingest'] } }));
