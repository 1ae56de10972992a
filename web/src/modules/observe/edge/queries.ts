import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Edge = Schemas['Edge'];
export type Check = Schemas['CheckView'];

export function listEdges(f: { q?: string }, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/edges', { params: { query: { q: f.q, cursor, limit } }, signal }));
}

export const edgeQuery = (name: string) =>
  queryOptions({
    queryKey: ['edge', name],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/edges/{name}', { params: { path: { name } }, signal })),
  });

export const endpointQuery = queryOptions({
  queryKey: ['edges', 'endpoint'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/edge-endpoint', { signal })),
});

/** The checks that an edge runs now. */
export function listChecks(from: string, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/checks', { params: { query: { from, sort: 'state', cursor, limit } }, signal }));
}

export const createToken = (body: Schemas['AgentNewToken']) => call(http.POST('/api/v1/agent-tokens', { body }));
export const setReceive = (name: string, body: Schemas['EdgeReceive']) =>
  call(http.PUT('/api/v1/edges/{name}/receive', { params: { path: { name } }, body }));
export const revokeEdge = (name: string) =>
  call(http.POST('/api/v1/edges/{name}/revoke', { params: { path: { name } } }));
export const deleteEdge = (name: string) => call(http.DELETE('/api/v1/edges/{name}', { params: { path: { name } } }));
