import { queryOptions } from '@tanstack/react-query';
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

export const csvURL = (item: string, p: Period) =>
  `/api/v1/reports/availability.csv?${new URLSearchParams({ item, ...p }).toString()}`;
