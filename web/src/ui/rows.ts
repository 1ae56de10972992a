import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { live, type Note, throttle } from '@/lib/stream';

/** One page of a list of the API. */
export interface Page<T> {
  items: T[] | null;
  /** Cursor of the next page; absent or '' at the end. */
  next?: string;
  /** How many there are in all, where the API tells. */
  total?: number;
}

export type FetchPage<T> = (page: { cursor?: string; limit: number }, signal: AbortSignal) => Promise<Page<T>>;

/** Rows as the grid wants them. */
export interface RowsView<T> {
  /** Rows that are here. */
  count: number;
  /** Rows in all; undefined while unknown. */
  total: number | undefined;
  /** All rows are here. */
  complete: boolean;
  /** The first page is on its way and there is nothing old to show. */
  pending: boolean;
  /** Something is being read. */
  busy: boolean;
  error: unknown;
  /** The list has changed on the server in a way that would move rows. */
  stale: boolean;
  get: (i: number) => T | undefined;
  idOf: (row: T) => string;
  /** Asks for the rows up to index i; a list read by position asks only for those from `first` on. */
  ensure: (i: number, first?: number) => void;
  /** Reads the list again: from its start, or by position what is in sight. */
  reload: () => void;
}

const FIRST = 100;
const LARGEST = 500;
const AHEAD = 150;
const BLOCK = 200;

/**
 * Reads a list page by page as far as somebody looks, and keeps it while people visit a detail page. Where cursors are
 * positions it reads any part by itself, so that the end of a long list is one request away.
 */
export class RowStore<T> {
  /** Holds gaps when read by position. */
  rows: (T | undefined)[] = [];
  total: number | undefined;
  complete = false;
  busy = false;
  error: unknown;
  stale = false;
  loadedAt = 0;
  private next: string | undefined;
  private wanted = 0;
  private first = 0;
  private where = new Map<string, number>();
  private version = 0;
  private subs = new Set<() => void>();
  private abort: AbortController | undefined;

  constructor(
    private fetchPage: FetchPage<T>,
    readonly idOf: (row: T) => string,
    old?: RowStore<T>,
    private readonly byPosition = false,
  ) {
    // The rows of the last filter stay on screen until the new ones are here.
    if (old) {
      this.rows = old.rows;
      this.total = old.total;
      this.complete = old.complete;
    }
  }

  subscribe = (fn: () => void): (() => void) => {
    this.subs.add(fn);
    return () => void this.subs.delete(fn);
  };
  snapshot = (): number => this.version;

  /** The page gives a new function at each render; only the last one is right. */
  use(fetchPage: FetchPage<T>): void {
    this.fetchPage = fetchPage;
  }

  ensure = (i: number, first = 0): void => {
    this.wanted = this.byPosition ? i : Math.max(this.wanted, i);
    this.first = first;
    if (this.busy || this.complete || this.error || !this.loadedAt) return;
    if (this.byPosition) {
      const gap = this.gap();
      if (gap !== undefined) void this.load(false, gap);
    } else if (this.wanted + AHEAD >= this.rows.length) void this.load(false);
  };

  reload = (): void => void this.load(true, this.first);

  /** How many rows are here. */
  get count(): number {
    return this.byPosition ? this.where.size : this.rows.length;
  }

  /** The first row in sight, or shortly after, that is not here. */
  private gap(): number | undefined {
    const end = Math.min(this.total ?? 0, this.wanted + AHEAD);
    for (let i = this.first; i < end; i++) if (this.rows[i] === undefined) return i;
    return undefined;
  }

  stop(): void {
    this.abort?.abort();
    this.abort = undefined;
    this.busy = false;
  }

  /** Changes one row in place; rows never move under the hand. Tells whether the row is here. */
  patch(id: string, change: (row: T) => T): boolean {
    const i = this.where.get(id);
    if (i === undefined) return false;
    const row = this.rows[i];
    if (row === undefined) return false;
    // A new array would cost 100,000 copies for each note; the version tells React.
    this.rows[i] = change(row);
    this.changed();
    return true;
  }

  markStale(): void {
    if (this.stale) return;
    this.stale = true;
    this.changed();
  }

  private async load(anew: boolean, index = 0): Promise<void> {
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.busy = true;
    this.error = undefined;
    this.changed();
    if (anew && !this.byPosition) this.wanted = 0;
    const at = index - (index % BLOCK);
    // Pages grow, so that far scrolling needs few requests.
    const limit = anew ? FIRST : Math.min(LARGEST, Math.max(FIRST, this.rows.length));
    const page = this.byPosition
      ? { cursor: String(at), limit: BLOCK }
      : { cursor: anew ? undefined : this.next, limit };
    try {
      const p = await this.fetchPage(page, abort.signal);
      if (abort.signal.aborted) return;
      if (anew) {
        this.rows = [];
        this.where = new Map();
        this.stale = false;
        this.loadedAt = Date.now();
      }
      if (this.byPosition) this.place(p, at);
      else this.append(p, anew);
    } catch (e) {
      if (abort.signal.aborted) return;
      this.error = e;
    }
    this.busy = false;
    this.changed();
    this.ensure(this.wanted, this.first);
  }

  private append(p: Page<T>, first: boolean): void {
    const items = p.items ?? [];
    const from = this.rows.length;
    this.rows = this.rows.concat(items);
    items.forEach((row, i) => void this.where.set(this.idOf(row), from + i));
    this.next = p.next || undefined;
    this.complete = !this.next;
    this.total = this.complete ? this.rows.length : (p.total ?? (first ? undefined : this.total));
  }

  private place(p: Page<T>, at: number): void {
    const items = p.items ?? [];
    items.forEach((row, i) => {
      this.rows[at + i] = row;
      this.where.set(this.idOf(row), at + i);
    });
    const end = at + items.length;
    // Nothing where rows were expected: the list has become shorter, so that asking again would never end.
    this.total = items.length ? Math.max(end, p.total ?? (p.next ? end + 1 : end)) : Math.min(at, p.total ?? at);
    this.rows.length = this.total;
    this.complete = this.where.size >= this.total;
  }

  private changed(): void {
    this.version++;
    for (const fn of this.subs) fn();
  }
}

interface Options<T> {
  /** What the list depends on: ['checks', filters, sort]. A change reads from the start. */
  queryKey: readonly unknown[];
  fetchPage: FetchPage<T>;
  /** The API's cursors are positions from 0 and it gives `total`: any part of the list is read by itself. */
  byPosition?: boolean;
  idOf: (row: T) => string;
  /** Topic of the live stream. */
  topic?: string;
  /** Makes the new row from a note's data; by default the data's fields are laid over the row. */
  merge?: (row: T, note: Note) => T;
}

export interface Rows<T> extends RowsView<T> {
  /** Changes one row at once, before the server has said so. */
  patch: (id: string, change: (row: T) => T) => boolean;
}

/** The rows of a list with cursors, kept right by the live stream. */
export function useRows<T extends object>(o: Options<T>): Rows<T> {
  const client = useQueryClient();
  const key = JSON.stringify(o.queryKey);
  const last = useRef<RowStore<T> | undefined>(undefined);
  const latest = useRef(o);
  latest.current = o;
  const store = useMemo(() => {
    const queryKey = ['rows', key];
    const kept = client.getQueryData<RowStore<T>>(queryKey);
    const fetchPage: FetchPage<T> = (p, s) => latest.current.fetchPage(p, s);
    const s =
      kept ?? new RowStore<T>(fetchPage, (r) => latest.current.idOf(r), last.current, latest.current.byPosition);
    s.use(fetchPage);
    client.setQueryData(queryKey, s);
    last.current = s;
    return s;
  }, [client, key]);
  useSyncExternalStore(store.subscribe, store.snapshot);

  useEffect(() => {
    if (!store.loadedAt || Date.now() - store.loadedAt > 30_000) store.reload();
    return () => store.stop();
  }, [store]);

  const { topic } = o;
  useEffect(() => {
    if (!topic) return;
    const structural = throttle(() => store.markStale(), 1000);
    const offs = [
      live.subscribe(topic, (n) => {
        const merge = latest.current.merge ?? overlay;
        const known = n.kind !== 'removed' && store.patch(n.id, (row) => merge(row, n));
        if (!known && n.kind !== 'result' && n.kind !== 'changed') structural();
        if (n.kind === 'removed') structural();
      }),
      live.onResync(() => store.markStale()),
    ];
    return () => {
      for (const off of offs) off();
      structural.cancel();
    };
  }, [store, topic]);

  return {
    count: store.count,
    total: store.total,
    complete: store.complete,
    pending: !store.loadedAt && !store.rows.length && !store.error,
    busy: store.busy,
    error: store.error,
    stale: store.stale,
    get: (i) => store.rows[i],
    idOf: store.idOf,
    ensure: store.ensure,
    reload: store.reload,
    patch: store.patch.bind(store),
  };
}

function overlay<T>(row: T, n: Note): T {
  return n.data && typeof n.data === 'object' ? { ...row, ...(n.data as object) } : row;
}

/** Rows that are all here already. */
export function useClientRows<T>(rows: readonly T[], idOf: (row: T) => string): RowsView<T> {
  return useMemo(
    () => ({
      count: rows.length,
      total: rows.length,
      complete: true,
      pending: false,
      busy: false,
      error: undefined,
      stale: false,
      get: (i) => rows[i],
      idOf,
      ensure: () => {},
      reload: () => {},
    }),
    [rows, idOf],
  );
}
