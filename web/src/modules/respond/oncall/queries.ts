import { queryOptions, useQuery } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { Escalation, Schedule } from './model';

export const dutiesQuery = queryOptions({
  queryKey: ['oncall', 'now'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/oncall', { signal })),
  refetchInterval: 60_000,
});
export const schedulesQuery = queryOptions({
  queryKey: ['oncall', 'schedules'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/schedules', { signal })),
});
export const scheduleQuery = (name: string) =>
  queryOptions({
    queryKey: ['oncall', 'schedule', name],
    queryFn: ({ signal }) => callTagged(http.GET('/api/v1/schedules/{name}', { params: { path: { name } }, signal })),
  });
export const shiftsQuery = (name: string, from: number, to: number) =>
  queryOptions({
    queryKey: ['oncall', 'shifts', name, from, to],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/schedules/{name}/shifts', {
          params: { path: { name }, query: { from: new Date(from).toISOString(), to: new Date(to).toISOString() } },
          signal,
        }),
      ),
  });
export const escalationsQuery = queryOptions({
  queryKey: ['oncall', 'escalations'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/escalations', { signal })),
});
export const escalationQuery = (name: string) =>
  queryOptions({
    queryKey: ['oncall', 'escalation', name],
    queryFn: ({ signal }) => callTagged(http.GET('/api/v1/escalations/{name}', { params: { path: { name } }, signal })),
  });

/** Names to choose from. */
export function useChannelNames() {
  const q = useQuery({
    queryKey: ['channels'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/channels', { signal })),
  });
  return (q.data?.items ?? []).map((c) => c.name);
}

/** If-None-Match is not needed: an empty tag makes or overwrites. */
const tag = (etag: string) => (etag ? { 'If-Match': etag } : undefined);

export function saveSchedule(name: string, etag: string, body: Omit<Schedule, 'name'>) {
  return call(http.PUT('/api/v1/schedules/{name}', { params: { path: { name }, header: tag(etag) }, body }));
}
export function deleteSchedule(name: string) {
  return call(http.DELETE('/api/v1/schedules/{name}', { params: { path: { name } } }));
}
export function saveEscalation(name: string, etag: string, body: Omit<Escalation, 'name'>) {
  return call(http.PUT('/api/v1/escalations/{name}', { params: { path: { name }, header: tag(etag) }, body }));
}
export function deleteEscalation(name: string) {
  return call(http.DELETE('/api/v1/escalations/{name}', { params: { path: { name } } }));
}
export function takeShift(schedule: string, body: { person?: string; from: string; to: string }) {
  return call(http.POST('/api/v1/schedules/{name}/overrides', { params: { path: { name: schedule } }, body }));
}
export function giveBack(schedule: string, id: string) {
  return call(http.DELETE('/api/v1/schedules/{name}/overrides/{id}', { params: { path: { name: schedule, id } } }));
}
