import { useQuery } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';

/** People to choose from, as the server lists them; [] while they are read. */
export function usePeople() {
  return (
    useQuery({
      queryKey: ['people'],
      queryFn: ({ signal }) => call(http.GET('/api/v1/people', { signal })),
      staleTime: 60_000,
    }).data?.items ?? []
  );
}

/** Teams to choose from. */
export function useTeams() {
  return (
    useQuery({
      queryKey: ['teams'],
      queryFn: ({ signal }) => call(http.GET('/api/v1/teams', { signal })),
      staleTime: 60_000,
    }).data?.items ?? []
  );
}

/** Items whose name or title contains the text, at most 50, for pickers. */
export function useItems(q: string) {
  return (
    useQuery({
      queryKey: ['item-names', q],
      queryFn: ({ signal }) =>
        call(http.GET('/api/v1/items', { params: { query: { q: q || undefined, limit: 50 } }, signal })),
      staleTime: 30_000,
      placeholderData: (old) => old,
    }).data?.items ?? []
  );
}

/** The names of those items. */
export const useItemNames = (q: string) => useItems(q).map((i) => i.name);

/** Edges that checks may run from; [] while they are read, or for those who may not see them. */
export function useEdges() {
  const may = useCan()('edge.read');
  return (
    useQuery({
      queryKey: ['edges', 'names'],
      queryFn: ({ signal }) => call(http.GET('/api/v1/edges', { params: { query: { limit: 500 } }, signal })),
      staleTime: 30_000,
      enabled: may,
    }).data?.items ?? []
  );
}
