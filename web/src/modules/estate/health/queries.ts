import { useQuery } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { components } from '@/api/schema';
import type { ListName } from './model';

export type Health = components['schemas']['InventoryHealthView'];
export type Entry = components['schemas']['InventoryHealthEntry'];
export type Match = components['schemas']['InventoryMatchView'];

export const useHealth = () =>
  useQuery({
    queryKey: ['inventory-health'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/inventory/health', { signal })),
    refetchInterval: 60_000,
  });

export const listHealth = (list: ListName, cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(http.GET('/api/v1/inventory/health/{list}', { params: { path: { list }, query: { cursor, limit } }, signal }));

export const dismiss = (list: ListName, items: string[], reason: string, until: string) =>
  call(
    http.POST('/api/v1/inventory/health/{list}/dismiss', {
      params: { path: { list } },
      body: { items, reason, until },
    }),
  );

export const restore = (list: ListName, items: string[]) =>
  call(http.POST('/api/v1/inventory/health/{list}/restore', { params: { path: { list } }, body: { items } }));

export const change = (items: string[], what: { owner?: string; lifecycle?: 'retired' | 'in_use' }) =>
  call(http.POST('/api/v1/inventory/change', { body: { items, ...what } }));

export const useMatches = () =>
  useQuery({
    queryKey: ['inventory-matches'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/inventory/matches', { params: { query: { limit: 100 } }, signal })),
  });

export const decide = (id: string, decision: 'same' | 'different' | 'open', keep?: string) =>
  call(http.POST('/api/v1/inventory/matches/{id}', { params: { path: { id } }, body: { decision, keep } }));
