import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Brief = Schemas['DeviceBrief'];
export type Device = Schemas['DeviceView'];
export type Port = Schemas['DeviceInterfaceView'];
export type State = Brief['state'];

export interface Filter {
  q?: string;
  state?: string[];
  ports?: 'down';
}

export function listDevices(f: Filter, cursor: string | undefined, limit: number, signal: AbortSignal) {
  return call(
    http.GET('/api/v1/devices', {
      params: { query: { q: f.q, state: f.state as State[] | undefined, ports: f.ports, cursor, limit } },
      signal,
    }),
  );
}

export const deviceQuery = (name: string) =>
  queryOptions({
    queryKey: ['device', name],
    refetchInterval: 10_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/devices/{name}', { params: { path: { name } }, signal })),
  });

export const setPolling = (name: string, body: { every_seconds: number; watch?: string[] }) =>
  call(http.PUT('/api/v1/devices/{name}/polling', { params: { path: { name } }, body }));
