import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';

type Search = Record<string, unknown>;

/** Drops what is empty, so that the URL holds only what was chosen. */
export function compact(s: Search): Search {
  return Object.fromEntries(
    Object.entries(s).filter(([, v]) => v !== undefined && v !== null && v !== '' && !(Array.isArray(v) && !v.length)),
  );
}

/**
 * The search part of the URL as state. `S` is what the route's validateSearch gives. A change replaces the current
 * entry of the history unless `push` is set.
 */
export function useUrlState<S extends object>(): [S, (patch: Partial<S>, opts?: { push?: boolean }) => void] {
  const search = useSearch({ strict: false } as never) as S;
  const navigate = useNavigate();
  const set = useCallback(
    (patch: Partial<S>, opts?: { push?: boolean }) =>
      void navigate({
        to: '.',
        search: ((old: Search) => compact({ ...old, ...(patch as Search) })) as never,
        replace: !opts?.push,
      }),
    [navigate],
  );
  return [search, set];
}
