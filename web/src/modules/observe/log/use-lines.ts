import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { isLines, justAfter, keyOf, type Row } from './model';
import { type Asked, fetchRows, followRows, PAGE } from './queries';

/** How many lines the page holds; who wants more narrows the range. */
const MOST = 20_000;

/** The rows of a query, page after page, the newest first. */
export function useRows(asked: Asked, enabled: boolean) {
  const query = useInfiniteQuery({
    queryKey: ['logs', 'rows', asked],
    queryFn: async ({ pageParam, signal }) => ({
      end: pageParam,
      rows: await fetchRows({ ...asked, end: pageParam || asked.end }, PAGE, signal),
    }),
    initialPageParam: '',
    getNextPageParam: (last, pages) => {
      const oldest = last.rows.at(-1)?._time;
      const full = last.rows.length >= PAGE && isLines(last.rows);
      // A page within one moment would be read again for ever.
      if (!full || !oldest || pages.length * PAGE >= MOST || justAfter(oldest) === last.end) return undefined;
      return justAfter(oldest);
    },
    enabled,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
  const rows = useMemo(() => {
    const pages = query.data?.pages ?? [];
    if (pages.length < 2) return pages[0]?.rows ?? [];
    // Pages overlap in the lines of one moment.
    const out: Row[] = [];
    const seen = new Set<string>();
    for (const p of pages)
      for (const r of p.rows) {
        const k = keyOf(r);
        if (seen.has(k)) continue;
        seen.add(k);
        out.push(r);
      }
    return out;
  }, [query.data]);
  return { query, rows, full: rows.length >= MOST };
}

const KEPT = 5000;

/** Lines as they come. While it is paused they are counted and shown later. */
export function useTail(query: string, on: boolean) {
  const [rows, setRows] = useState<Row[]>([]);
  const [waiting, setWaiting] = useState(0);
  const [skipped, setSkipped] = useState(0);
  const [paused, setPaused] = useState(false);
  const [error, setError] = useState<unknown>();
  const [connected, setConnected] = useState(false);
  const held = useRef<Row[]>([]);
  const stop = useRef(paused);
  stop.current = paused;

  useEffect(() => {
    if (!on) return;
    const ctl = new AbortController();
    setRows([]);
    setWaiting(0);
    setSkipped(0);
    setError(undefined);
    held.current = [];
    const add = (got: Row[], lost: number) => {
      setConnected(true);
      if (lost) setSkipped((n) => n + lost);
      const newest = [...got].reverse();
      if (stop.current) {
        held.current = [...newest, ...held.current].slice(0, KEPT);
        setWaiting(held.current.length);
      } else setRows((old) => [...newest, ...old].slice(0, KEPT));
    };
    void (async () => {
      // The server ends a tail now and then; a broken connection is tried again.
      while (!ctl.signal.aborted) {
        try {
          setConnected(true);
          await followRows(query, ctl.signal, add);
        } catch (e) {
          if (ctl.signal.aborted) return;
          const status = (e as { status?: number }).status ?? 0;
          if (status >= 400 && status < 500 && status !== 429) {
            setError(e);
            return;
          }
          setConnected(false);
        }
        await new Promise((r) => setTimeout(r, 2000));
      }
    })();
    return () => ctl.abort();
  }, [query, on]);

  return {
    rows,
    waiting,
    skipped,
    paused,
    error,
    connected,
    setPaused: (p: boolean) => {
      setPaused(p);
      if (!p) {
        setRows((old) => [...held.current, ...old].slice(0, KEPT));
        held.current = [];
        setWaiting(0);
      }
    },
  };
}
