import { queryOptions, useQuery } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useLiveQuery } from '@/lib/stream';

export type Check = Schemas['CheckView'];
export type CheckDetail = Schemas['CheckDetail'];
export type CheckBody = Schemas['CheckBody'];
export type CheckType = Schemas['CheckTypeInfo'];
export type CheckField = Schemas['CheckFieldInfo'];
export type Change = Schemas['CheckChange'];
export type Downtime = Schemas['CheckDowntime'];

type State = 'ok' | 'warning' | 'critical' | 'unknown' | 'pending' | 'unreachable';

export interface Filters {
  q?: string;
  state?: string[];
  item?: string;
  type?: string;
  from?: string;
  sort?: 'name' | 'state';
}

/** One page of checks. The cursor is a position, so any row of a long list is one request away. */
export function listChecks(f: Filters, cursor: string | undefined, limit: number, signal: AbortSignal) {
  const query = { ...f, state: f.state as State[] | undefined, cursor, limit };
  return call(http.GET('/api/v1/checks', { params: { query }, signal }));
}

export const countsQuery = queryOptions({
  queryKey: ['checks', 'counts'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/check-counts', { signal })),
});

/** How many checks are critical or in warning, for the navigation. */
export function useFailingChecks(): number | undefined {
  const q = useQuery({ ...countsQuery, retry: false });
  useLiveQuery('checks', ['checks', 'counts']);
  const n = (q.data?.critical ?? 0) + (q.data?.warning ?? 0);
  return n || undefined;
}

export const checkQuery = (name: string) =>
  queryOptions({
    queryKey: ['check', name],
    queryFn: ({ signal }) => callTagged(http.GET('/api/v1/checks/{name}', { params: { path: { name } }, signal })),
  });

export const historyQuery = (name: string, limit = 200) =>
  queryOptions({
    queryKey: ['check', name, 'history', limit],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/checks/{name}/history', { params: { path: { name }, query: { limit } }, signal })),
  });

export const typesQuery = queryOptions({
  queryKey: ['check-types'],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: ({ signal }) => call(http.GET('/api/v1/check-types', { signal })),
});

export const createCheck = (body: CheckBody) => call(http.POST('/api/v1/checks', { body }));
export const saveCheck = (name: string, body: CheckBody, etag: string | undefined) =>
  call(http.PUT('/api/v1/checks/{name}', { params: { path: { name }, header: { 'If-Match': etag } }, body }));
export const deleteCheck = (name: string) => call(http.DELETE('/api/v1/checks/{name}', { params: { path: { name } } }));
export const runCheck = (name: string) => call(http.POST('/api/v1/checks/{name}/run', { params: { path: { name } } }));

export const downtimesQuery = (past: boolean) =>
  queryOptions({
    queryKey: ['downtimes', past],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/downtimes', { params: { query: { past, limit: 200 } }, signal })),
  });
export const planDowntime = (body: Schemas['PlanDowntimeBody']) => call(http.POST('/api/v1/downtimes', { body }));
export const cancelDowntime = (id: string) => call(http.DELETE('/api/v1/downtimes/{id}', { params: { path: { id } } }));
