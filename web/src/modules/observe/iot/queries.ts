import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';

type Op<T> = T extends (...a: never[]) => Promise<infer R> ? R : never;

export function listDevices(f: { q?: string }, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(http.GET('/api/v1/iot/devices', { params: { query: { q: f.q, cursor, limit } }, signal }));
}
export type Device = NonNullable<Op<typeof listDevices>['items']>[number];
export type Figure = Device['figures'][number];
export type Command = Device['commands'][number];

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ['iot', id],
    refetchInterval: 5_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/iot/devices/{id}', { params: { path: { id } }, signal })),
  });
export const messagesQuery = (id: string) =>
  queryOptions({
    queryKey: ['iot', id, 'messages'],
    refetchInterval: 2_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/iot/devices/{id}/messages', { params: { path: { id } }, signal })),
  });
export const commandsQuery = (id: string) =>
  queryOptions({
    queryKey: ['iot', id, 'commands'],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/iot/devices/{id}/commands', { params: { path: { id }, query: { limit: 20 } }, signal })),
  });
export const gatewayQuery = queryOptions({
  queryKey: ['iot', 'gateway'],
  refetchInterval: 10_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/iot/gateway', { signal })),
});
export const clientsQuery = queryOptions({
  queryKey: ['iot', 'clients'],
  refetchInterval: 10_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/iot/clients', { params: { query: { limit: 500 } }, signal })),
});
export const unknownQuery = queryOptions({
  queryKey: ['iot', 'unknown'],
  refetchInterval: 10_000,
  queryFn: ({ signal }) => call(http.GET('/api/v1/iot/unknown', { params: { query: { limit: 200 } }, signal })),
});
export const floorsQuery = queryOptions({
  queryKey: ['iot', 'floors'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/iot/floors', { signal })),
});
export const floorQuery = (id: string) =>
  queryOptions({
    queryKey: ['iot', 'floor', id],
    refetchInterval: 5_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/iot/floors/{id}', { params: { path: { id } }, signal })),
  });
export const pricesQuery = queryOptions({
  queryKey: ['iot', 'prices'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/iot/prices', { signal })),
});

export type Profile = 'generic' | 'tasmota' | 'zigbee2mqtt' | 'homeassistant' | 'sparkplug';
export const createClient = (name: string, profile: Profile) =>
  call(http.POST('/api/v1/iot/clients', { body: { name, profile } }));
export const rotateClient = (name: string) =>
  call(http.POST('/api/v1/iot/clients/{name}/rotate', { params: { path: { name } } }));
export const revokeClient = (name: string) =>
  call(http.POST('/api/v1/iot/clients/{name}/revoke', { params: { path: { name } } }));
export const sendCommand = (id: string, command: string, value: string) =>
  call(http.POST('/api/v1/iot/devices/{id}/commands', { params: { path: { id } }, body: { command, value } }));
export const forgetDevice = (id: string) => call(http.DELETE('/api/v1/iot/devices/{id}', { params: { path: { id } } }));
export const saveMapping = (name: string, topic: string, device: string, unit: string, ignore: boolean) =>
  call(
    http.PUT('/api/v1/iot/mappings/{name}', {
      params: { path: { name } },
      body: { topic, device: device || undefined, unit: unit || undefined, ignore: ignore || undefined },
    }),
  );
export const addRoom = (building: string, floor: string, room: string) =>
  call(http.POST('/api/v1/iot/rooms', { body: { building, floor: floor || undefined, room } }));
export const placeRooms = (id: string, places: Record<string, { x: number; y: number; w: number; h: number }>) =>
  call(http.PUT('/api/v1/iot/floors/{id}/places', { params: { path: { id } }, body: { places } }));
/** Adds a price to those that are there; one of the same moment is replaced. */
export async function setPrice(price: number, currency: string, since: string) {
  const { prices } = await call(http.GET('/api/v1/iot/prices'));
  const others = (prices ?? [])
    .filter((p) => new Date(p.since).getTime() !== new Date(since).getTime())
    .map((p) => ({ since: p.since, price: p.price, currency }));
  return call(http.PUT('/api/v1/iot/prices', { body: { prices: [...others, { price, currency, since }] } }));
}
export async function setPlan(id: string, file: File) {
  return call(
    http.PUT('/api/v1/iot/floors/{id}/plan', {
      params: { path: { id } },
      body: file as unknown as string,
      bodySerializer: (b) => b as unknown as BodyInit,
      headers: { 'Content-Type': 'application/octet-stream' },
    }),
  );
}
