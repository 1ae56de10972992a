import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { Problem, toProblem } from '@/api/problems';
import { parseRows, type Row } from './model';

export type View = Schemas['LogView'];
export type ViewSpec = Schemas['LogViewSpec'];
export type Hits = Schemas['LogHits'];
export type Count = Schemas['LogdbCount'];

/** A query over a range of time, as the API takes it. */
export interface Asked {
  query: string;
  start: string;
  end: string;
}

/** Rows of one page. */
export const PAGE = 500;

async function refused(res: Response): Promise<Problem> {
  let body: unknown;
  try {
    body = await res.json();
  } catch {
    body = undefined;
  }
  return toProblem(body, res);
}

/** Reads rows, the newest first. */
export async function fetchRows(a: Asked, limit: number, signal?: AbortSignal): Promise<Row[]> {
  const p = new URLSearchParams({ ...a, limit: String(limit) });
  const res = await fetch(`/api/v1/logs/query?${p}`, { signal, credentials: 'same-origin' });
  if (!res.ok) throw await refused(res);
  const { rows, error } = parseRows(await res.text());
  if (error && rows.length === 0) throw new Problem({ status: 500, message: error });
  return rows;
}

/** Follows a query. Ends with `signal`, with a Problem, or when the server ends it. */
export async function followRows(
  query: string,
  signal: AbortSignal,
  got: (rows: Row[], skipped: number) => void,
): Promise<void> {
  const res = await fetch(`/api/v1/logs/tail?${new URLSearchParams({ query })}`, {
    signal,
    credentials: 'same-origin',
  });
  if (!res.ok || !res.body) throw await refused(res);
  const reader = res.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = part.split('\n').find((l) => l.startsWith('data: '));
      if (!data) continue;
      const e = JSON.parse(data.slice(6)) as { rows?: Row[]; skipped?: number; detail?: string };
      if (e.detail) throw new Problem({ status: 500, message: e.detail });
      got(e.rows ?? [], e.skipped ?? 0);
    }
  }
}

export const hitsQuery = (a: Asked) =>
  queryOptions({
    queryKey: ['logs', 'hits', a],
    queryFn: ({ signal }) => call(http.GET('/api/v1/logs/hits', { params: { query: a }, signal })),
    retry: false,
    placeholderData: (old) => old,
  });

export const fieldsQuery = (a: Asked) =>
  queryOptions({
    queryKey: ['logs', 'fields', a],
    queryFn: ({ signal }) => call(http.GET('/api/v1/logs/fields', { params: { query: a }, signal })),
    retry: false,
    placeholderData: (old) => old,
    staleTime: 15_000,
  });

export const valuesQuery = (a: Asked, name: string, limit: number) =>
  queryOptions({
    queryKey: ['logs', 'values', a, name, limit],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/logs/fields/{name}/values', { params: { path: { name }, query: { ...a, limit } }, signal }),
      ),
    retry: false,
    staleTime: 15_000,
  });

export const contextQuery = (row: Row, before: number, after: number) =>
  queryOptions({
    queryKey: ['logs', 'context', row._stream_id, row._time, before, after],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/logs/context', {
          params: { query: { stream_id: row._stream_id ?? '', time: row._time ?? '', before, after } },
          signal,
        }),
      ),
    placeholderData: (old) => old,
  });

export const statusQuery = queryOptions({
  queryKey: ['logs', 'status'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/logs/status', { signal })),
  staleTime: 10_000,
});

export const viewsQuery = queryOptions({
  queryKey: ['logs', 'views'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/logs/views', { signal })),
});

export const addView = (body: ViewSpec) => call(http.POST('/api/v1/logs/views', { body }));
export const removeView = (id: string) => call(http.DELETE('/api/v1/logs/views/{id}', { params: { path: { id } } }));

export type Parser = Schemas['LogParser'];
export type ParserView = Schemas['LogParserView'];
export type Trial = Schemas['LogparseTrial'];

export const parsersQuery = queryOptions({
  queryKey: ['log-parsers'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/log-parsers', { signal })),
  refetchInterval: 15_000,
});

export const putParser = (name: string, body: Parser) =>
  call(http.PUT('/api/v1/log-parsers/{name}', { params: { path: { name } }, body }));

export const removeParser = (name: string) =>
  call(http.DELETE('/api/v1/log-parsers/{name}', { params: { path: { name } } }));

export const tryParser = (parser: Parser, lines: string[], signal?: AbortSignal) =>
  call(http.POST('/api/v1/log-parsers/try', { body: { parser, lines }, signal }));
