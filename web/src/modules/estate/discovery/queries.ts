import { queryOptions } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { Finding, Spec } from './model';

export const jobsQuery = queryOptions({
  queryKey: ['discovery-jobs'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/discovery-jobs', { params: { query: { limit: 500 } }, signal })),
});

export const jobQuery = (name: string) =>
  queryOptions({
    queryKey: ['discovery-job', name],
    queryFn: ({ signal }) =>
      callTagged(http.GET('/api/v1/discovery-jobs/{name}', { params: { path: { name } }, signal })),
  });

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ['discovery-run', id],
    enabled: !!id,
    queryFn: ({ signal }) => call(http.GET('/api/v1/discovery-runs/{id}', { params: { path: { id } }, signal })),
  });

export const credentialsQuery = queryOptions({
  queryKey: ['credentials'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/credentials', { params: { query: { limit: 500 } }, signal })),
});

export const preview = (body: Spec, signal: AbortSignal) =>
  call(http.POST('/api/v1/discovery-jobs/preview', { body, signal }));

export type Verb = 'run' | 'pause' | 'resume' | 'cancel';

export function control(name: string, verb: Verb) {
  const o = { params: { path: { name } } };
  switch (verb) {
    case 'run':
      return call(http.POST('/api/v1/discovery-jobs/{name}/run', o));
    case 'pause':
      return call(http.POST('/api/v1/discovery-jobs/{name}/pause', o));
    case 'resume':
      return call(http.POST('/api/v1/discovery-jobs/{name}/resume', o));
    case 'cancel':
      return call(http.POST('/api/v1/discovery-jobs/{name}/cancel', o));
  }
}

export interface FindingFilter {
  q?: string;
  outcome?: string[];
  item?: 'yes' | 'no';
}

const narrowed = (f: FindingFilter) => ({
  q: f.q || undefined,
  outcome: f.outcome?.length ? (f.outcome as Finding['outcome'][]) : undefined,
  item: f.item,
});

export const listFindings = (id: string, f: FindingFilter, cursor: string | undefined, limit: number, s: AbortSignal) =>
  call(
    http.GET('/api/v1/discovery-runs/{id}/findings', {
      params: { path: { id }, query: { ...narrowed(f), cursor, limit } },
      signal: s,
    }),
  );

export const listDrift = (name: string, f: FindingFilter, cursor: string | undefined, limit: number, s: AbortSignal) =>
  call(
    http.GET('/api/v1/discovery-jobs/{name}/drift', {
      params: { path: { name }, query: { ...narrowed(f), cursor, limit } },
      signal: s,
    }),
  );
