import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { range } from '@/lib/prom';

export type Host = Schemas['DiscoveryHost'];
export type Suggestion = Schemas['DiscoverySuggestion'];
export type Incident = Schemas['IncidentView'];

export const countsQuery = queryOptions({
  queryKey: ['checks', 'counts'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/check-counts', { signal })),
});

export const incidentsQuery = queryOptions({
  queryKey: ['incidents', 'open'],
  queryFn: ({ signal }) =>
    call(http.GET('/api/v1/incidents', { params: { query: { open: true, sort: 'priority', limit: 20 } }, signal })),
});

export const alertsQuery = queryOptions({
  queryKey: ['alerts', 'firing'],
  queryFn: ({ signal }) =>
    call(http.GET('/api/v1/alerts', { params: { query: { status: 'firing', limit: 8 } }, signal })),
});

export const worstQuery = queryOptions({
  queryKey: ['checks', 'worst'],
  queryFn: ({ signal }) =>
    call(
      http.GET('/api/v1/checks', {
        params: { query: { state: ['critical', 'warning', 'unknown'], sort: 'state', limit: 12 } },
        signal,
      }),
    ),
});

export const oncallQuery = queryOptions({
  queryKey: ['oncall', 'now'],
  refetchInterval: 60_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/oncall', { signal })),
});

export const hostQuery = queryOptions({
  queryKey: ['host'],
  retry: false,
  queryFn: ({ signal }) => call(http.GET('/api/v1/discovery/host', { signal })),
});

export const suggestionsQuery = queryOptions({
  queryKey: ['suggestions', 'open'],
  queryFn: ({ signal }) =>
    call(
      http.GET('/api/v1/discovery/suggestions', { params: { query: { state: 'open' as const, limit: 200 } }, signal }),
    ),
});

export const certificatesQuery = queryOptions({
  queryKey: ['certificates'],
  refetchInterval: 300_000,
  queryFn: ({ signal }) =>
    call(http.GET('/api/v1/discovery/certificates', { params: { query: { limit: 10 } }, signal })),
});

export const systemQuery = queryOptions({
  queryKey: ['system'],
  refetchInterval: 30_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/system', { signal })),
});

export const acknowledge = (number: string) =>
  call(http.POST('/api/v1/incidents/{number}/acknowledge', { params: { path: { number } } }));
export const accept = (ids: string[]) => call(http.POST('/api/v1/discovery/accept', { body: { ids } }));
export const dismiss = (id: string) =>
  call(http.POST('/api/v1/discovery/suggestions/{id}/dismiss', { params: { path: { id } } }));

/** The first series of a query over the last hour. */
export async function series(query: string, signal: AbortSignal): Promise<{ x: number[]; y: (number | null)[] }> {
  const now = Date.now() / 1000;
  const [line] = await range(query, now - 3600, now, 15, signal);
  return line ?? { x: [], y: [] };
}
