import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';

export const receiverQuery = queryOptions({
  queryKey: ['trap-receiver'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/trap-receiver', { signal })),
});

export const trapQuery = (id: string) =>
  queryOptions({
    queryKey: ['trap', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/traps/{id}', { params: { path: { id } }, signal })),
  });

export const credentialsQuery = queryOptions({
  queryKey: ['trap-credentials'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/trap-credentials', { params: { query: { limit: 500 } }, signal })),
});

export interface TrapFilter {
  q?: string;
  item?: string;
  address?: string;
  trap?: string;
  state?: string[];
  known?: 'yes' | 'no';
}

export const listTraps = (f: TrapFilter, cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(
    http.GET('/api/v1/traps', {
      params: {
        query: { ...f, state: f.state as ('ok' | 'warning' | 'critical' | 'none')[] | undefined, cursor, limit },
      },
      signal,
    }),
  );

export const listSources = (
  only: 'unknown' | 'refused' | undefined,
  cursor: string | undefined,
  limit: number,
  signal: AbortSignal,
) => call(http.GET('/api/v1/trap-sources', { params: { query: { only, cursor, limit } }, signal }));
