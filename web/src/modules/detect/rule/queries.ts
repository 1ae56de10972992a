import { queryOptions } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type RuleRead = Schemas['RuleView'];
/** A rule as the server gives it always has its name. */
export type Rule = Schemas['RuleView'] & { name: string };
export type RuleBody = Schemas['Rule'];
export type Trial = Schemas['RuleTrial'];
export type Objective = Schemas['RuleObjectiveView'];
export type ObjectiveBody = Schemas['RuleObjective'];

export interface Filters {
  q?: string;
  state?: 'firing' | 'pending' | 'inactive' | 'disabled';
  severity?: 'critical' | 'warning' | 'info';
}

export function listRules(f: Filters, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/rules', { params: { query: { ...f, cursor, limit } }, signal })) as Promise<{
    items: Rule[];
    next?: string;
  }>;
}

export const ruleQuery = (name: string) =>
  queryOptions({
    queryKey: ['rule', name],
    queryFn: ({ signal }) => callTagged(http.GET('/api/v1/rules/{name}', { params: { path: { name } }, signal })),
  });

export const instancesQuery = (name: string) =>
  queryOptions({
    queryKey: ['rule', name, 'instances'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/rules/{name}/instances', { params: { path: { name } }, signal })),
  });

export const historyQuery = (name: string) =>
  queryOptions({
    queryKey: ['rule', name, 'history'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/rules/{name}/history', { params: { path: { name }, query: { limit: 50 } }, signal })),
  });

export const createRule = (body: RuleBody) => call(http.POST('/api/v1/rules', { body }));

export const saveRule = (name: string, body: RuleBody, etag?: string) =>
  call(http.PUT('/api/v1/rules/{name}', { params: { path: { name }, header: { 'If-Match': etag } }, body }));

export const deleteRule = (name: string) => call(http.DELETE('/api/v1/rules/{name}', { params: { path: { name } } }));

export const tryRule = (rule: RuleBody, from: Date, to: Date, zone: string, signal?: AbortSignal) =>
  call(
    http.POST('/api/v1/rules/try', {
      body: { rule, from: from.toISOString(), to: to.toISOString(), time_zone: zone },
      signal,
    }),
  );

export const importRules = (text: string, file: string, dryRun: boolean) =>
  call(http.POST('/api/v1/rules/import', { params: { query: { dry_run: dryRun, file } }, body: { text } }));

export function listObjectives(cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/slos', { params: { query: { cursor, limit } }, signal }));
}

export const objectiveQuery = (name: string) =>
  queryOptions({
    queryKey: ['slo', name],
    queryFn: ({ signal }) => callTagged(http.GET('/api/v1/slos/{name}', { params: { path: { name } }, signal })),
    refetchInterval: 60_000,
  });

export const saveObjective = (name: string, body: ObjectiveBody, etag?: string) =>
  call(http.PUT('/api/v1/slos/{name}', { params: { path: { name }, header: { 'If-Match': etag } }, body }));

export const deleteObjective = (name: string) =>
  call(http.DELETE('/api/v1/slos/{name}', { params: { path: { name } } }));
