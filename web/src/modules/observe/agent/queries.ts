import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Agent = Schemas['Agent'];
export type Token = Schemas['AgentToken'];
export type NewToken = Schemas['AgentNewToken'];
export type Fact = Schemas['AgentFact'];
export type Change = Schemas['AgentFactChange'];
export type Kind = 'package' | 'service' | 'user' | 'container' | 'disk' | 'database' | 'port';
export type State = Agent['state'];

export function listAgents(
  f: { q?: string; state?: State },
  cursor: string | undefined,
  limit: number,
  signal: AbortSignal,
) {
  return call(http.GET('/api/v1/agents', { params: { query: { q: f.q, state: f.state, cursor, limit } }, signal }));
}

export const agentQuery = (name: string) =>
  queryOptions({
    queryKey: ['agent', name],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/agents/{name}', { params: { path: { name } }, signal })),
  });

export const endpointQuery = queryOptions({
  queryKey: ['agents', 'endpoint'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/agent-endpoint', { signal })),
});

export const processesQuery = (name: string) =>
  queryOptions({
    queryKey: ['agent', name, 'processes'],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/agents/{name}/processes', { params: { path: { name } }, signal })),
  });

export interface FactFilter {
  kind: Kind;
  agent?: string;
  q?: string;
  name?: string;
  below?: string;
}

export function listFacts(f: FactFilter, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/agent-facts', { params: { query: { ...f, cursor, limit } }, signal }));
}

export function listChanges(agent: string, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/agent-changes', { params: { query: { agent, cursor, limit } }, signal }));
}

export function listTokens(cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/agent-tokens', { params: { query: { cursor, limit } }, signal }));
}

export const createToken = (body: NewToken) => call(http.POST('/api/v1/agent-tokens', { body }));
export const revokeToken = (id: string) => call(http.DELETE('/api/v1/agent-tokens/{id}', { params: { path: { id } } }));
export const revokeAgent = (name: string) =>
  call(http.POST('/api/v1/agents/{name}/revoke', { params: { path: { name } } }));
export type LogRule = Schemas['AgentLogRule'];
export const logRulesQuery = queryOptions({
  queryKey: ['agents', 'logs'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/agent-logs', { signal })),
});
export const putLogRule = (name: string, body: LogRule) =>
  call(http.PUT('/api/v1/agent-logs/{name}', { params: { path: { name } }, body }));
export const deleteLogRule = (name: string) =>
  call(http.DELETE('/api/v1/agent-logs/{name}', { params: { path: { name } } }));
export const updateAgents = (body: Schemas['AgentUpdateRequest']) => call(http.POST('/api/v1/agent-updates', { body }));
export const deleteAgent = (name: string) => call(http.DELETE('/api/v1/agents/{name}', { params: { path: { name } } }));
