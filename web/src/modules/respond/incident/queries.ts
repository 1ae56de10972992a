import { queryOptions, useQuery } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { paths, Schemas } from '@/api/paths';
import type { Cause, Detail, Entry, State, Verb } from './model';

export interface Filters {
  q?: string;
  open?: true;
  state?: State[];
  priority?: number;
  team?: string;
  assignee?: string;
}

/** One page of incidents. */
export function listIncidents(f: Filters, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(
    http.GET('/api/v1/incidents', {
      params: {
        query: {
          cursor,
          limit,
          state: f.state,
          open: f.open,
          priority: f.priority,
          team: f.team,
          assignee: f.assignee,
          q: f.q,
          sort: f.open && !f.q ? 'priority' : 'number',
        },
      },
      signal,
    }),
  );
}

/** One incident with its ETag. */
export const incidentQuery = (number: string) =>
  queryOptions({
    queryKey: ['incident', number],
    queryFn: ({ signal }) =>
      callTagged(http.GET('/api/v1/incidents/{number}', { params: { path: { number } }, signal })),
  });

/** The whole timeline, oldest first. It is read page by page; an incident seldom has more than one. */
export const timelineQuery = (number: string) =>
  queryOptions({
    queryKey: ['incident', number, 'timeline'],
    queryFn: async ({ signal }) => {
      const all: Entry[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < 10; page++) {
        const p = await call(
          http.GET('/api/v1/incidents/{number}/timeline', {
            params: { path: { number }, query: { cursor, limit: 500 } },
            signal,
          }),
        );
        all.push(...(p.items ?? []));
        if (!p.next) return { entries: all, cut: false };
        cursor = p.next;
      }
      return { entries: all, cut: true };
    },
  });

export const attachmentsQuery = (number: string) =>
  queryOptions({
    queryKey: ['incident', number, 'attachments'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/incidents/{number}/attachments', { params: { path: { number } }, signal })),
  });

export const toldQuery = (number: string) =>
  queryOptions({
    queryKey: ['incident', number, 'notifications'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/notifications', { params: { query: { incident: number, limit: 100 } }, signal })),
  });

/** The number of open incidents that nobody has acknowledged. */
export function useNewIncidents(): number | undefined {
  return useQuery({
    queryKey: ['incidents-new'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/incidents', { params: { query: { state: ['new'], limit: 100 } }, signal })),
    refetchInterval: 60_000,
  }).data?.items?.length;
}

export interface Resolution {
  note: string;
  cause_code: Cause;
}

/** Does one step of the life of an incident and gives what it is then. */
export function step(number: string, verb: Verb, resolution?: Resolution): Promise<Detail> {
  const params = { path: { number } };
  switch (verb) {
    case 'acknowledge':
      return call(http.POST('/api/v1/incidents/{number}/acknowledge', { params }));
    case 'work':
      return call(http.POST('/api/v1/incidents/{number}/work', { params }));
    case 'restore':
      return call(http.POST('/api/v1/incidents/{number}/restore', { params }));
    case 'close':
      return call(http.POST('/api/v1/incidents/{number}/close', { params }));
    case 'reopen':
      return call(http.POST('/api/v1/incidents/{number}/reopen', { params }));
    case 'resolve':
      return call(http.POST('/api/v1/incidents/{number}/resolve', { params, body: resolution }));
  }
}

export type Patch = NonNullable<
  paths['/api/v1/incidents/{number}']['patch']['requestBody']
>['content']['application/json'];

/** Changes an incident; the ETag guards against what somebody else did in between. */
export function patchIncident(number: string, etag: string, body: Patch) {
  return callTagged(
    http.PATCH('/api/v1/incidents/{number}', { params: { path: { number }, header: { 'If-Match': etag } }, body }),
  );
}

export function comment(number: string, body: string) {
  return call(http.POST('/api/v1/incidents/{number}/comments', { params: { path: { number } }, body: { body } }));
}

export function addItem(number: string, name: string) {
  return call(
    http.POST('/api/v1/incidents/{number}/items', {
      params: { path: { number } },
      body: { kind: 'item', name },
    }),
  );
}

export function removeItem(number: string, kind: string, name: string) {
  return call(
    http.DELETE('/api/v1/incidents/{number}/items/{kind}/{name}', { params: { path: { number, kind, name } } }),
  );
}

/** The largest file that can be attached, in bytes. */
export const MAX_FILE = 25 * 1024 * 1024;

export function attach(number: string, file: File) {
  return call(
    http.POST('/api/v1/incidents/{number}/attachments', {
      params: { path: { number }, query: { name: file.name } },
      body: file as never,
      bodySerializer: (b: unknown) => b as Blob,
      headers: { 'Content-Type': 'application/octet-stream' },
    }),
  );
}

export const fileURL = (number: string, id: string) =>
  `/api/v1/incidents/${encodeURIComponent(number)}/attachments/${encodeURIComponent(id)}`;

export type NewIncident = Schemas['IncidentCreateBody'];
export function createIncident(body: NewIncident) {
  return call(http.POST('/api/v1/incidents', { body }));
}
