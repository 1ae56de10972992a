import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Baseline = Schemas['InventoryBaseline'];
export type Difference = Schemas['InventoryDifference'];
export type Gone = Schemas['InventoryGone'];
export type MatchRule = Schemas['MatchRule'];

export const baselinesQuery = queryOptions({
  queryKey: ['item-baselines'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/item-baselines', { signal })),
});
export const makeBaseline = (body: Schemas['CreateItemBaselineBody']) =>
  call(http.POST('/api/v1/item-baselines', { body }));
export const dropBaseline = (baseline: string) =>
  call(http.DELETE('/api/v1/item-baselines/{baseline}', { params: { path: { baseline } } }));
export const listDifferences = (baseline: string, cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(
    http.GET('/api/v1/item-baselines/{baseline}/differences', {
      params: { path: { baseline }, query: { cursor, limit } },
      signal,
    }),
  );
export const listGone = (cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(http.GET('/api/v1/deleted-items', { params: { query: { cursor, limit } }, signal }));

export const matchRulesQuery = queryOptions({
  queryKey: ['match-rules'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/inventory/match-rules', { signal })),
});
export const setMatchRule = (kind: string, body: Schemas['SetMatchRuleBody']) =>
  call(http.PUT('/api/v1/inventory/match-rules/{kind}', { params: { path: { kind } }, body }));
export const resetMatchRule = (kind: string) =>
  call(http.DELETE('/api/v1/inventory/match-rules/{kind}', { params: { path: { kind } } }));

/** What a baseline holds, in words. */
export function scope(f: Baseline['filter']): string {
  const parts: string[] = [];
  if (f.items?.length) parts.push(f.items.length === 1 ? `${f.items[0]}` : `${f.items.length} chosen items`);
  if (f.kind) parts.push(`kind ${f.kind}`);
  if (f.owner) parts.push(`owner ${f.owner}`);
  if (f.criticality) parts.push(`criticality ${f.criticality}`);
  if (f.lifecycle) parts.push(f.lifecycle.replace('_', ' '));
  if (f.label) parts.push(`label ${f.label}`);
  return parts.join(', ') || 'all items';
}
