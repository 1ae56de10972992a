import type { Schemas } from '@/api/paths';

export type Policy = Schemas['IncidentPolicy'];

/** Which alerts a policy is for, in words. */
export function matchText(m: Policy['match']): string {
  const parts = [
    ...(['severity', 'team', 'item', 'kind', 'check'] as const).filter((k) => m?.[k]).map((k) => `${k} ${m?.[k]}`),
    ...Object.entries(m?.labels ?? {}).map(([k, v]) => `${k}=${v}`),
  ];
  return parts.join(', ') || 'All alerts';
}
