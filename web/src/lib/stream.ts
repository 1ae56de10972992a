import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { Connection, type FromWorker, type Status, type ToWorker } from './stream.conn';

/** A small note that something changed. Who misses one reads the API again. */
export interface Note<D = unknown> {
  /** Plural noun of the API: "checks". */
  topic: string;
  /** "created", "changed", "removed", "result". */
  kind: string;
  /** Name or number, as in the API. */
  id: string;
  /** What a list row needs to be right again. */
  data?: D;
}

const URL_LIVE = '/api/v1/live';
type Callback = (n: Note) => void;

/** The live stream of this tab, shared with the other tabs where the browser has SharedWorker. */
export class LiveStream {
  status: Status = 'connecting';
  /** When the stream was last seen alive, in ms; 0 before the first time. */
  seen = 0;
  private topics = new Map<string, Set<Callback>>();
  private statusSubs = new Set<() => void>();
  private resyncSubs = new Set<() => void>();
  private wasLost = false;
  private stopFn: (() => void) | undefined;

  start(): void {
    if (this.stopFn) return;
    this.stopFn = typeof SharedWorker === 'function' ? this.viaWorker() : this.direct();
  }

  stop(): void {
    this.stopFn?.();
    this.stopFn = undefined;
    this.wasLost = false;
    this.setStatus('connecting');
  }

  /** Calls `fn` for every note of the topic; "*" hears all. Gives the function that ends it. */
  subscribe(topic: string, fn: Callback): () => void {
    const set = this.topics.get(topic) ?? new Set();
    this.topics.set(topic, set);
    set.add(fn);
    return () => void set.delete(fn);
  }

  onStatus = (fn: () => void): (() => void) => {
    this.statusSubs.add(fn);
    return () => void this.statusSubs.delete(fn);
  };

  /** Is told when notes were missed: the stream was cut, or this browser was too slow. Read again what is shown. */
  onResync(fn: () => void): () => void {
    this.resyncSubs.add(fn);
    return () => void this.resyncSubs.delete(fn);
  }

  /** Takes a message of the server; open for tests. */
  receive(m: FromWorker): void {
    if ('status' in m) {
      this.setStatus(m.status);
      return;
    }
    let n: Note;
    try {
      n = JSON.parse(m.data) as Note;
    } catch {
      return; // Not ours; the next read of the API repairs what it may have told.
    }
    this.seen = Date.now();
    if (n.topic === 'live') {
      if (n.kind === 'lost') this.resync();
      return;
    }
    for (const fn of this.topics.get(n.topic) ?? []) fn(n);
    for (const fn of this.topics.get('*') ?? []) fn(n);
  }

  private viaWorker(): () => void {
    const w = new SharedWorker(new URL('./stream.worker.ts', import.meta.url), {
      type: 'module',
      name: 'mainstay-live',
    });
    const send = (m: ToWorker) => w.port.postMessage(m);
    w.port.onmessage = (m: MessageEvent<FromWorker>) => this.receive(m.data);
    send({ url: URL_LIVE });
    const bye = () => send({ bye: true });
    // A page that returns from the browser's page cache has to say hello again.
    const back = (e: PageTransitionEvent) => {
      if (e.persisted) send({ url: URL_LIVE });
    };
    addEventListener('pagehide', bye);
    addEventListener('pageshow', back);
    return () => {
      removeEventListener('pagehide', bye);
      removeEventListener('pageshow', back);
      bye();
      w.port.close();
    };
  }

  private direct(): () => void {
    const c = new Connection(
      (status) => this.receive({ status }),
      (data) => this.receive({ data }),
    );
    c.open(URL_LIVE);
    return () => c.close();
  }

  private setStatus(s: Status): void {
    if (s === 'live') this.seen = Date.now();
    if (s === 'lost') this.wasLost = true;
    const changed = this.status !== s;
    this.status = s;
    if (changed) for (const fn of this.statusSubs) fn();
    if (s === 'live' && this.wasLost) {
      this.wasLost = false;
      this.resync();
    }
  }

  private resync(): void {
    for (const fn of this.resyncSubs) fn();
  }
}

/** The stream of this tab. */
export const live = new LiveStream();

/** The state of the stream. */
export function useLiveStatus(): Status {
  return useSyncExternalStore(live.onStatus, () => live.status);
}

/** Calls `fn` for every note of the topic while the component is mounted. */
export function useLive<D = unknown>(topic: string, fn: (n: Note<D>) => void): void {
  const latest = useRef(fn);
  latest.current = fn;
  useEffect(() => live.subscribe(topic, (n) => latest.current(n as Note<D>)), [topic]);
}

/**
 * Reads the query again when a note of the topic arrives (of one thing, if `id` is given) and after missed notes; at
 * most once a second.
 */
export function useLiveQuery(topic: string, queryKey: QueryKey, id?: string): void {
  const client = useQueryClient();
  const key = JSON.stringify(queryKey);
  useEffect(() => {
    const read = throttle(() => void client.invalidateQueries({ queryKey: JSON.parse(key) as QueryKey }), 1000);
    const offs = [
      live.subscribe(topic, (n) => {
        if (!id || n.id === id) read();
      }),
      live.onResync(read),
    ];
    return () => {
      for (const off of offs) off();
      read.cancel();
    };
  }, [client, key, topic, id]);
}

/** Runs at once, then at most every `ms`, and once more at the end when asked in between. */
export function throttle(fn: () => void, ms: number): (() => void) & { cancel: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const run = () => {
    if (timer) {
      again = true;
      return;
    }
    fn();
    timer = setTimeout(() => {
      timer = undefined;
      if (again) {
        again = false;
        run();
      }
    }, ms);
  };
  run.cancel = () => {
    clearTimeout(timer);
    timer = undefined;
    again = false;
  };
  return run;
}
