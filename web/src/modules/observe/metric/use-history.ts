import { useCallback, useState } from 'react';
import { useSession } from '@/lib/session';
import { remember } from './model';

function stored(key: string): string[] {
  try {
    const v: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(v) ? v.filter((x): x is string => typeof x === 'string') : [];
  } catch {
    return [];
  }
}

/** The queries that a person ran in this browser, the newest first. */
export function useHistory(): [string[], (query: string) => void] {
  const session = useSession();
  const key = `mainstay-promql-${session?.account?.id ?? ''}`;
  const [list, setList] = useState(() => stored(key));
  const add = useCallback(
    (query: string) => {
      const next = remember(stored(key), query);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // Kept only as long as the page is open then.
      }
      setList(next);
    },
    [key],
  );
  return [list, add];
}
