import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export interface Filters {
  status?: 'firing' | 'resolved';
  severity?: 'critical' | 'warning' | 'unknown';
  item?: string;
  check?: string;
  q?: string;
}

/** One page of alerts, the newest first. */
export function listAlerts(f: Filters, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/alerts', { params: { query: { ...f, cursor, limit } }, signal }));
}

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ['alert', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/alerts/{id}', { params: { path: { id } }, signal })),
  });

export function listSilences(expired: boolean, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/silences', { params: { query: { expired, cursor, limit } }, signal }));
}

export type NewSilence = Schemas['AlertNewSilence'];
export function createSilence(body: NewSilence) {
  return call(http.POST('/api/v1/silences', { body }));
}

export function expireSilence(id: string) {
  return call(http.POST('/api/v1/silences/{id}/expire', { params: { path: { id } } }));
}
