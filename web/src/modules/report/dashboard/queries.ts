import { queryOptions } from '@tanstack/react-query';
import { call, callTagged, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Brief = Schemas['DashboardBrief'];
export type Dashboard = Schemas['DashboardView'];
export type Spec = Schemas['DashboardSpec'];
export type Panel = Schemas['DashboardPanel'];
export type Variable = Schemas['DashboardVariable'];
export type Data = Schemas['DashboardData'];
export type Line = Schemas['DashboardLine'];
export type Share = Schemas['DashboardShare'];
export type Values = Record<string, string[]>;

export interface Ask {
  from: string;
  to: string;
  points?: number;
  values?: Values;
}

/** Where a page gets its answers from: the API, or a link that somebody shared. */
export interface Source {
  key: string;
  panel: (p: Panel, vars: Variable[], ask: Ask, signal: AbortSignal) => Promise<Data>;
  options: (vars: Variable[], ask: Ask, signal: AbortSignal) => Promise<Values>;
}

export const own: Source = {
  key: 'own',
  panel: (panel, variables, ask, signal) =>
    call(http.POST('/api/v1/dashboard-query', { body: { panel, variables, ...ask }, signal })),
  options: (variables, ask, signal) =>
    call(http.POST('/api/v1/dashboard-query/options', { body: { variables, ...ask }, signal })).then((r) => r.options),
};

export const shared = (token: string): Source => ({
  key: token,
  panel: (p, _vars, body, signal) =>
    call(
      http.POST('/api/v1/shared-dashboards/{token}/panels/{panel}', {
        params: { path: { token, panel: p.id } },
        body,
        signal,
      }),
    ),
  options: (_vars, body, signal) =>
    call(http.POST('/api/v1/shared-dashboards/{token}/options', { params: { path: { token } }, body, signal })).then(
      (r) => r.options,
    ),
});

export const listDashboards = (q: string | undefined, cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(http.GET('/api/v1/dashboards', { params: { query: { q, cursor, limit } }, signal }));

export const dashboardQuery = (name: string) =>
  queryOptions({
    queryKey: ['dashboard', name],
    queryFn: ({ signal }) => callTagged(http.GET('/api/v1/dashboards/{name}', { params: { path: { name } }, signal })),
  });

export const sharedQuery = (token: string) =>
  queryOptions({
    queryKey: ['shared-dashboard', token],
    retry: false,
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/shared-dashboards/{token}', { params: { path: { token } }, signal })),
  });

export const createDashboard = (body: Spec) => call(http.POST('/api/v1/dashboards', { body }));
export const saveDashboard = (body: Spec, etag: string | undefined) =>
  call(
    http.PUT('/api/v1/dashboards/{name}', {
      params: { path: { name: body.name }, header: etag ? { 'If-Match': etag } : {} },
      body,
    }),
  );
export const deleteDashboard = (name: string) =>
  call(http.DELETE('/api/v1/dashboards/{name}', { params: { path: { name } } }));
export const importDashboard = (grafana: unknown, name: string | undefined, dry: boolean) =>
  call(http.POST('/api/v1/dashboards/import', { body: { grafana, name, dry_run: dry } as never }));

export const sharesQuery = (name: string) =>
  queryOptions({
    queryKey: ['dashboard', name, 'shares'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/dashboards/{name}/shares', { params: { path: { name } }, signal })),
  });
export const share = (name: string, note: string, expires: string | undefined) =>
  call(
    http.POST('/api/v1/dashboards/{name}/shares', {
      params: { path: { name } },
      body: { note: note || undefined, expires_at: expires },
    }),
  );
export const unshare = (name: string, id: string) =>
  call(http.DELETE('/api/v1/dashboards/{name}/shares/{id}', { params: { path: { name, id } } }));
