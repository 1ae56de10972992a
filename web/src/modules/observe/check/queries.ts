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

/** Names of items that match, for pickers. */
export function useItemNames(q: string): string[] {
  const query = useQuery({
    queryKey: ['items', 'names', q],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/items', { params: { query: { q: q || undefined, limit: 30 } }, signal })),
    placeholderData: (old) => old,
  });
  return (query.data?.items ?? []).map((i) => i.name);
}

export interface Line {
  labels: Record<string, string>;
  x: number[];
  y: (number | null)[];
}

interface PromAnswer {
  data?: { result?: { metric: Record<string, string>; values: [number, string][] }[] };
}

/** A range query in PromQL. Times in seconds. */
export async function range(
  query: string,
  from: number,
  to: number,
  step: number,
  signal: AbortSignal,
): Promise<Line[]> {
  const p = new URLSearchParams({ query, start: String(from), end: String(to), step: String(step) });
  const res = await fetch(`/prometheus/api/v1/query_range?${p}`, { signal });
  if (!res.ok) throw new Error('The metric store did not answer.');
  const body = (await res.json()) as PromAnswer;
  return (body.data?.result ?? []).map((r) => ({
    labels: r.metric,
    x: r.values.map(([t]) => t),
    y: r.values.map(([, v]) => (Number.isFinite(Number(v)) ? Number(v) : null)),
  }));
}

/** Writes a text as a PromQL string. */
export const quoted = (s: string) => JSON.stringify(s);
