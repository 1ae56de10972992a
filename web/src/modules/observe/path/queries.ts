import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { components } from '@/api/schema';
import { type Range, resolveRange } from '@/lib/range';

export type Summary = components['schemas']['PathSummary'];
export type Report = components['schemas']['PathReport'];
export type HopRow = Report['hops'][number];
export type Timeline = Report['timeline'];
export type Spec = Report['path'];

export const FALLBACK = '-10m';
export const WINDOWS = [
  { value: '-10m', label: '10m' },
  { value: '-1h', label: '1h' },
  { value: '-6h', label: '6h' },
  { value: '-24h', label: '24h' },
  { value: '-7d', label: '7d' },
];
export type Over = '5m' | '10m' | '30m' | '1h';

export const listQuery = (q: string | undefined, over: Over) =>
  queryOptions({
    queryKey: ['paths', 'list', q, over],
    queryFn: ({ signal }) => call(http.GET('/api/v1/paths', { params: { query: { q, over, limit: 500 } }, signal })),
  });

export const pathQuery = (name: string, range: Range) =>
  queryOptions({
    queryKey: ['paths', 'one', name, range.from, range.to],
    queryFn: ({ signal }) => {
      const r = resolveRange(range, Date.now(), FALLBACK);
      return call(
        http.GET('/api/v1/paths/{name}', {
          params: { path: { name }, query: { from: r.from.toISOString(), to: r.to.toISOString() } },
          signal,
        }),
      );
    },
    placeholderData: (old) => old,
  });

export const savePath = (spec: Spec) =>
  call(http.PUT('/api/v1/paths/{name}', { params: { path: { name: spec.name } }, body: spec }));

export const deletePath = (name: string) => call(http.DELETE('/api/v1/paths/{name}', { params: { path: { name } } }));

export const comment = (name: string, at: string, text: string) =>
  call(http.POST('/api/v1/paths/{name}/comments', { params: { path: { name } }, body: { at, text } }));

export const uncomment = (name: string, id: string) =>
  call(http.DELETE('/api/v1/paths/{name}/comments/{id}', { params: { path: { name, id } } }));

export const pathURL = (name: string) => `/observe/paths/${encodeURIComponent(name)}`;
