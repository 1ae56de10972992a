import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];
export type Top = Schemas['FlowTop'];
export type TopRow = Schemas['FlowTopRow'];
export type FlowSeries = Schemas['FlowSeries'];
export type Sums = Schemas['FlowSums'];
export type Label = Schemas['FlowLabel'];
export type Exporter = Schemas['FlowExporter'];
export type FlowRecord = Schemas['FlowRecord'];
export type Metric = 'bytes' | 'packets' | 'flows';

/** What traffic a view is about. */
export interface Asked {
  from: string;
  to: string;
  filter: string[];
}

export const topQuery = (a: Asked, by: string, metric: Metric, limit: number, compare: boolean) =>
  queryOptions({
    queryKey: ['flows', 'top', a, by, metric, limit, compare],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/flows/top', {
          params: { query: { ...a, by, metric, limit, compare: compare ? '7d' : undefined } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    retry: false,
  });

export const seriesQuery = (a: Asked, by: string, metric: Metric, limit: number, compare: boolean) =>
  queryOptions({
    queryKey: ['flows', 'series', a, by, metric, limit, compare],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/flows/series', {
          params: { query: { ...a, by, metric, limit, compare: compare ? '7d' : undefined } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    retry: false,
  });

export const statusQuery = queryOptions({
  queryKey: ['flows', 'status'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/flows/status', { signal })),
  refetchInterval: 15_000,
});

export const exportersQuery = (item?: string) =>
  queryOptions({
    queryKey: ['flows', 'exporters', item],
    queryFn: ({ signal }) => call(http.GET('/api/v1/flows/exporters', { params: { query: { item } }, signal })),
    refetchInterval: 15_000,
  });

export const dimensionsQuery = queryOptions({
  queryKey: ['flows', 'dimensions'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/flows/dimensions', { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

export const listRecords = (a: Asked, cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(http.GET('/api/v1/flows/records', { params: { query: { ...a, cursor, limit } }, signal }));

export type Finding = Schemas['FlowFinding'];
export type JudgeSettings = Schemas['UnusualSettings'];

export const judgingQuery = queryOptions({
  queryKey: ['flows', 'settings'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/flows/settings', { signal })),
});

export const saveJudging = (body: JudgeSettings) => call(http.PUT('/api/v1/flows/settings', { body }));

export const listFindings = (
  kind: Finding['kind'] | undefined,
  cursor: string | undefined,
  limit: number,
  signal: AbortSignal,
) => call(http.GET('/api/v1/flows/unusual', { params: { query: { kind, cursor, limit } }, signal }));
