import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Alert = Schemas['OutsideAlert'];
export type Mapping = Schemas['OutsideMapping'];
export type Tried = Schemas['OutsideTried'];
export type Would = Schemas['OutsideWould'];

export interface Filters {
  q?: string;
  state?: 'firing' | 'ended';
  severity?: 'critical' | 'warning' | 'info';
  program?: string;
  item?: string;
}

export const listAlerts = (f: Filters, cursor: string | undefined, limit: number, signal?: AbortSignal) =>
  call(http.GET('/api/v1/outside-alerts', { params: { query: { ...f, cursor, limit } }, signal }));

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ['outside-alert', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/outside-alerts/{id}', { params: { path: { id } }, signal })),
    retry: false,
  });

export const endAlert = (id: string) =>
  call(http.POST('/api/v1/outside-alerts/{id}/end', { params: { path: { id } } }));

export const mappingsQuery = queryOptions({
  queryKey: ['alert-mappings'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/alert-mappings', { signal })),
});

export const putMapping = (name: string, body: Mapping) =>
  call(http.PUT('/api/v1/alert-mappings/{name}', { params: { path: { name } }, body }));

export const removeMapping = (name: string) =>
  call(http.DELETE('/api/v1/alert-mappings/{name}', { params: { path: { name } } }));

export const tryPayload = (body: Schemas['OutsideTry']) =>
  call(http.POST('/api/v1/alert-mappings/query/try', { body }));

/** Where this server is for senders. */
export const addressQuery = queryOptions({
  queryKey: ['ingest'],
  staleTime: 60_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/ingest', { signal })),
});
