import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Pattern = Schemas['PatternView'];
export type Detail = Schemas['PatternDetail'];
export type Signal = Schemas['PatternSignal'];
export type Policy = Schemas['PatternPolicy'];
export type MarkName = 'known' | 'muted' | 'notable' | '';

export interface Filters {
  q?: string;
  state?: 'new' | 'exploding' | 'vanished' | 'usual' | 'learning';
  mark?: 'known' | 'muted' | 'notable' | 'none';
  item?: string;
  words?: true;
  sort?: 'rare' | 'most' | 'newest';
}

export const patternsQuery = (f: Filters) =>
  queryOptions({
    queryKey: ['patterns', f],
    queryFn: ({ signal }) => call(http.GET('/api/v1/patterns', { params: { query: { ...f, limit: 1000 } }, signal })),
    placeholderData: (old) => old,
    refetchInterval: 60_000,
  });

export const patternQuery = (id: string) =>
  queryOptions({
    queryKey: ['pattern', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/patterns/{id}', { params: { path: { id } }, signal })),
    retry: false,
  });

export const listSignals = (
  q: { kind?: 'new' | 'exploding' | 'vanished'; pattern?: string; open?: boolean },
  cursor: string | undefined,
  limit: number,
  signal?: AbortSignal,
) => call(http.GET('/api/v1/pattern-signals', { params: { query: { ...q, cursor, limit } }, signal }));

export const markPattern = (id: string, mark: MarkName, comment: string) =>
  call(http.PUT('/api/v1/patterns/{id}/mark', { params: { path: { id } }, body: { mark, comment } }));

export const policiesQuery = queryOptions({
  queryKey: ['pattern-policies'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/pattern-policies', { signal })),
});

export const putPolicy = (name: string, body: Policy) =>
  call(http.PUT('/api/v1/pattern-policies/{name}', { params: { path: { name } }, body }));

export const removePolicy = (name: string) =>
  call(http.DELETE('/api/v1/pattern-policies/{name}', { params: { path: { name } } }));
