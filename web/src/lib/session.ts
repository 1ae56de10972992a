import { queryOptions, useQuery } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Session } from '@/api/paths';

export type { Session };

/** Who is signed in and what they may do. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/session', { signal })),
  staleTime: 5 * 60_000,
  retry: false,
});

/** The session; undefined while nobody is signed in. */
export function useSession(): Session | undefined {
  return useQuery({ ...sessionQuery, enabled: false }).data;
}
