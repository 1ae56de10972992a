import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Job = Schemas['ScrapeJob'];
export type Spec = Schemas['ScrapeSpec'];
export type Target = Schemas['ScrapeState'];

export const jobsQuery = queryOptions({
  queryKey: ['scrape-jobs'],
  refetchInterval: 10_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/scrape-jobs', { signal })),
});

export const jobQuery = (name: string) =>
  queryOptions({
    queryKey: ['scrape-jobs', name],
    refetchInterval: 10_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/scrape-jobs/{name}', { params: { path: { name } }, signal })),
  });

export const targetsQuery = (name: string) =>
  queryOptions({
    queryKey: ['scrape-jobs', name, 'targets'],
    refetchInterval: 5_000,
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/scrape-jobs/{name}/targets', { params: { path: { name } }, signal })),
  });

export const putJob = (body: Spec) =>
  call(http.PUT('/api/v1/scrape-jobs/{name}', { params: { path: { name: body.name } }, body }));
export const deleteJob = (name: string) =>
  call(http.DELETE('/api/v1/scrape-jobs/{name}', { params: { path: { name } } }));
