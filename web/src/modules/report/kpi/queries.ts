import { queryOptions, useQuery } from '@tanstack/react-query';
import { call, http } from '@/api/client';

export interface Period {
  from: string;
  to: string;
}

export const reportQuery = (item: string, p: Period) =>
  queryOptions({
    queryKey: ['report', item, p],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/reports/availability', { params: { query: { item, ...p } }, signal })),
    enabled: !!item,
    placeholderData: (old, q) => (q?.queryKey[1] === item ? old : undefined),
  });

export const trendQuery = (item: string, p: Period, step: string, tz: string) =>
  queryOptions({
    queryKey: ['report-trend', item, p, step, tz],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/reports/trend', { params: { query: { item, ...p, step, tz } }, signal })),
    enabled: !!item,
    placeholderData: (old, q) => (q?.queryKey[1] === item ? old : undefined),
  });

export function listLines(
  p: Period,
  owner: string | undefined,
  kind: string | undefined,
  cursor: string | undefined,
  limit: number,
  signal: AbortSignal,
) {
  return call(http.GET('/api/v1/reports/items', { params: { query: { ...p, owner, kind, cursor, limit } }, signal }));
}

export function useTeamNames() {
  return (
    useQuery({
      queryKey: ['teams'],
      queryFn: ({ signal }) => call(http.GET('/api/v1/teams', { signal })),
      staleTime: 60_000,
    }).data?.items ?? []
  );
}

/** Names of items that contain the text. */
export function useItemNames(q: string) {
  return (
    useQuery({
      queryKey: ['item-names', q],
      queryFn: ({ signal }) =>
        call(http.GET('/api/v1/items', { params: { query: { q: q || undefined, limit: 50 } }, signal })),
      staleTime: 30_000,
      placeholderData: (old) => old,
    }).data?.items ?? []
  );
}

export const csvURL = (item: string, p: Period) =>
  `/api/v1/reports/availability.csv?${new URLSearchParams({ item, ...p }).toString()}`;
