import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { type Range, resolveRange } from '@/lib/range';

export type Summary = Schemas['TraceSummary'];
export type Trace = Schemas['Trace'];
export type Span = Schemas['TraceSpanView'];
export type Service = Schemas['TraceServiceView'];
export type AppError = Schemas['TraceErrorView'];
export type Statement = Schemas['TraceStatementView'];
export type ServiceMap = Schemas['TraceMap'];

export const FALLBACK = '-1h';

/** A range of the URL as the API wants it. */
export function period(r: Range) {
  const at = resolveRange(r, Date.now(), FALLBACK);
  return { start: at.from.toISOString(), end: at.to.toISOString() };
}

export interface TraceFilters extends Range {
  q?: string;
  service?: string;
  operation?: string;
  item?: string;
  min?: string;
  failed?: boolean;
  sort?: 'newest' | 'slowest';
}

/** "250ms" or "1.5s" in milliseconds; undefined when it cannot be read. */
export function millis(text?: string): number | undefined {
  const m = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|m)?\s*$/.exec(text ?? '');
  if (!m) return undefined;
  const unit = { us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60_000 }[m[2] ?? 'ms'] as number;
  return Number(m[1]) * unit;
}

export const searchQuery = (f: TraceFilters) =>
  queryOptions({
    queryKey: ['traces', f],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/traces', {
          params: {
            query: {
              ...period(f),
              limit: 200,
              query: f.q || undefined,
              service: f.service || undefined,
              operation: f.operation || undefined,
              item: f.item || undefined,
              min_ms: millis(f.min),
              failed: f.failed || undefined,
              sort: f.sort,
            },
          },
          signal,
        }),
      ),
  });

export const traceQuery = (id: string) =>
  queryOptions({
    queryKey: ['trace', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/traces/{id}', { params: { path: { id } }, signal })),
  });

export const servicesQuery = (r: Range) =>
  queryOptions({
    queryKey: ['traced-services', r],
    queryFn: ({ signal }) => call(http.GET('/api/v1/traced-services', { params: { query: period(r) }, signal })),
  });

export const serviceQuery = (name: string, r: Range) =>
  queryOptions({
    queryKey: ['traced-services', name, r],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/traced-services/{name}', { params: { path: { name }, query: period(r) }, signal })),
  });

export const mapQuery = (r: Range) =>
  queryOptions({
    queryKey: ['service-map', r],
    queryFn: ({ signal }) => call(http.GET('/api/v1/service-map', { params: { query: period(r) }, signal })),
  });

export const statementsQuery = (r: Range) =>
  queryOptions({
    queryKey: ['statements', r],
    queryFn: ({ signal }) => call(http.GET('/api/v1/statements', { params: { query: period(r) }, signal })),
  });

export const setApdex = (name: string, apdex_ms: number) =>
  call(http.PUT('/api/v1/traced-services/{name}/apdex', { params: { path: { name } }, body: { apdex_ms } }));

export function listErrors(
  f: { q?: string; service?: string; state?: 'open' | 'resolved' | 'ignored' },
  cursor: string | undefined,
  limit: number,
  signal: AbortSignal,
) {
  return call(http.GET('/api/v1/errors', { params: { query: { ...f, cursor, limit } }, signal }));
}

export const errorQuery = (id: string) =>
  queryOptions({
    queryKey: ['errors', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/errors/{id}', { params: { path: { id } }, signal })),
  });

export const changeError = (id: string, body: { state?: 'open' | 'resolved' | 'ignored'; assignee?: string }) =>
  call(http.PATCH('/api/v1/errors/{id}', { params: { path: { id } }, body }));
