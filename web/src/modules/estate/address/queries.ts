import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import type { Address, AddressInput, Prefix, PrefixInput, VlanInput } from './model';

export interface PrefixFilters {
  q?: string;
  vrf?: string;
  family?: number;
  nearly_full?: boolean;
  within?: string;
}

export function listPrefixes(f: PrefixFilters, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/prefixes', { params: { query: { ...f, cursor, limit } }, signal }));
}

export interface AddressFilters {
  q?: string;
  vrf?: string;
  prefix?: string;
  item?: string;
  status?: Address['status'];
  dns?: Address['dns']['state'] | 'wrong';
  conflict?: boolean;
}

export function listAddresses(f: AddressFilters, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/addresses', { params: { query: { ...f, cursor, limit } }, signal }));
}

export const prefixQuery = (id: string) =>
  queryOptions({
    queryKey: ['addresses', 'prefix', id],
    queryFn: ({ signal }) => call(http.GET('/api/v1/prefixes/{id}', { params: { path: { id } }, signal })),
  });

export const freeQuery = (id: string) =>
  queryOptions({
    queryKey: ['addresses', 'free', id],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/prefixes/{id}/free', { params: { path: { id }, query: { limit: 8 } }, signal })),
  });

/** All addresses of a small prefix, for its map. */
export const mapQuery = (p: Pick<Prefix, 'id' | 'capacity'>) =>
  queryOptions({
    queryKey: ['addresses', 'map', p.id],
    enabled: p.capacity <= 512,
    queryFn: async ({ signal }) => {
      const out: Address[] = [];
      let cursor: string | undefined;
      do {
        const page = await listAddresses({ prefix: p.id }, cursor, 500, signal);
        out.push(...(page.items ?? []));
        cursor = page.next || undefined;
      } while (cursor);
      return out;
    },
  });

export const vrfsQuery = queryOptions({
  queryKey: ['addresses', 'vrfs'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/vrfs', { signal })),
});

export const createPrefix = (prefix: string, vrf: string, f: PrefixInput) =>
  call(http.POST('/api/v1/prefixes', { body: { prefix, vrf: vrf || undefined, ...f } }));
export const putPrefix = (id: string, body: PrefixInput) =>
  call(http.PUT('/api/v1/prefixes/{id}', { params: { path: { id } }, body }));
export const deletePrefix = (id: string) => call(http.DELETE('/api/v1/prefixes/{id}', { params: { path: { id } } }));
export const addRange = (id: string, body: Schemas['AddressRangeFields']) =>
  call(http.POST('/api/v1/prefixes/{id}/ranges', { params: { path: { id } }, body }));
export const deleteRange = (id: string, range: string) =>
  call(http.DELETE('/api/v1/prefixes/{id}/ranges/{range}', { params: { path: { id, range } } }));
export const allocate = (id: string, body: AddressInput) =>
  call(http.POST('/api/v1/prefixes/{id}/allocate', { params: { path: { id } }, body }));
export const createAddress = (address: string, vrf: string, f: AddressInput) =>
  call(http.POST('/api/v1/addresses', { body: { address, vrf: vrf || undefined, ...f } }));
export const putAddress = (id: string, body: AddressInput) =>
  call(http.PUT('/api/v1/addresses/{id}', { params: { path: { id } }, body }));
export const deleteAddress = (id: string) => call(http.DELETE('/api/v1/addresses/{id}', { params: { path: { id } } }));
export const checkDNS = (id: string) =>
  call(http.POST('/api/v1/addresses/{id}/check-dns', { params: { path: { id } } }));

export function listVlans(q: string | undefined, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/vlans', { params: { query: { q, cursor, limit } }, signal }));
}
export const createVlan = (body: VlanInput) => call(http.POST('/api/v1/vlans', { body }));
export const putVlan = (id: string, body: VlanInput) =>
  call(http.PUT('/api/v1/vlans/{id}', { params: { path: { id } }, body }));
export const deleteVlan = (id: string) => call(http.DELETE('/api/v1/vlans/{id}', { params: { path: { id } } }));
