import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';

export type Asset = Schemas['Asset'];
export type AssetInput = Schemas['AssetFields'];
export type Handover = Schemas['AssetHandover'];
export type Stock = Schemas['AssetStock'];
export type StockInput = Schemas['AssetStockFields'];
export type Match = Schemas['AssetMatch'];
export type Release = Schemas['AssetRelease'];
export type License = Schemas['AssetLicense'];
export type LicenseDetail = Schemas['AssetLicenseDetail'];
export type Purchase = Schemas['AssetPurchase'];
export type Expiry = Schemas['AssetExpiry'];

export interface AssetFilters {
  q?: string;
  state?: string[];
  holder?: string;
  overdue?: boolean;
}

export const listAssets = (f: AssetFilters, cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(http.GET('/api/v1/assets', { params: { query: { ...f, cursor, limit } }, signal }));

/** Where the list is read as CSV. */
export function csvURL(f: AssetFilters): string {
  const p = new URLSearchParams();
  if (f.q) p.set('q', f.q);
  if (f.state?.length) p.set('state', f.state.join(','));
  if (f.holder) p.set('holder', f.holder);
  if (f.overdue) p.set('overdue', 'true');
  const s = p.toString();
  return `/api/v1/assets.csv${s ? `?${s}` : ''}`;
}

export const summaryQuery = queryOptions({
  queryKey: ['assets', 'summary'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/asset-summary', { signal })),
});
export const assetQuery = (tag: string) =>
  queryOptions({
    queryKey: ['assets', 'one', tag],
    queryFn: ({ signal }) => call(http.GET('/api/v1/assets/{tag}', { params: { path: { tag } }, signal })),
  });
export const handoversQuery = (tag: string) =>
  queryOptions({
    queryKey: ['assets', 'handovers', tag],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/assets/{tag}/handovers', { params: { path: { tag }, query: { limit: 200 } }, signal })),
  });
export const sightingsQuery = (tag: string) =>
  queryOptions({
    queryKey: ['assets', 'sightings', tag],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/assets/{tag}/sightings', { params: { path: { tag }, query: { limit: 20 } }, signal })),
  });
export const labelsQuery = (tags: string[]) =>
  queryOptions({
    queryKey: ['assets', 'labels', tags],
    enabled: tags.length > 0,
    queryFn: ({ signal }) => call(http.GET('/api/v1/asset-labels', { params: { query: { tags } }, signal })),
  });

export const createAsset = (body: AssetInput & { tag?: string }) => call(http.POST('/api/v1/assets', { body }));
export const putAsset = (tag: string, body: AssetInput) =>
  call(http.PUT('/api/v1/assets/{tag}', { params: { path: { tag } }, body }));
export const moveAsset = (tag: string, state: Asset['state']) =>
  call(http.POST('/api/v1/assets/{tag}/move', { params: { path: { tag } }, body: { state } }));
export const deleteAsset = (tag: string) => call(http.DELETE('/api/v1/assets/{tag}', { params: { path: { tag } } }));
export const checkOut = (tag: string, body: Schemas['AssetCheckOut']) =>
  call(http.POST('/api/v1/assets/{tag}/check-out', { params: { path: { tag } }, body }));
export const checkIn = (
  tag: string,
  body: { state: 'in_stock' | 'repair' | 'retired'; note?: string; location?: string },
) => call(http.POST('/api/v1/assets/{tag}/check-in', { params: { path: { tag } }, body }));
export const confirmAsset = (tag: string) =>
  call(http.POST('/api/v1/assets/{tag}/confirm', { params: { path: { tag } } }));
export const seeAsset = (tag: string, place: string, moved: boolean) =>
  call(
    http.POST('/api/v1/assets/{tag}/seen', { params: { path: { tag } }, body: { place: place || undefined, moved } }),
  );

export const listStock = (
  q: string | undefined,
  short: boolean,
  cursor: string | undefined,
  limit: number,
  signal: AbortSignal,
) => call(http.GET('/api/v1/stock', { params: { query: { q, short: short || undefined, cursor, limit } }, signal }));
export const createStock = (body: StockInput & { quantity?: number }) => call(http.POST('/api/v1/stock', { body }));
export const putStock = (id: string, body: StockInput) =>
  call(http.PUT('/api/v1/stock/{id}', { params: { path: { id } }, body }));
export const bookStock = (id: string, change: number, reason: string) =>
  call(
    http.POST('/api/v1/stock/{id}/bookings', {
      params: { path: { id } },
      body: { change, reason: reason || undefined },
    }),
  );
export const bookingsQuery = (id: string) =>
  queryOptions({
    queryKey: ['assets', 'bookings', id],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/stock/{id}/bookings', { params: { path: { id }, query: { limit: 20 } }, signal })),
  });

export const listMatches = (
  f: { state?: 'past' | 'soon' | 'later'; product?: string },
  cursor: string | undefined,
  limit: number,
  signal: AbortSignal,
) => call(http.GET('/api/v1/end-of-life', { params: { query: { ...f, cursor, limit } }, signal }));
export const putRelease = (product: string, release: string, body: Schemas['AssetReleaseFields']) =>
  call(http.PUT('/api/v1/end-of-life/releases/{product}/{release}', { params: { path: { product, release } }, body }));

export const listLicenses = (q: string | undefined, cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(http.GET('/api/v1/licenses', { params: { query: { q, cursor, limit } }, signal }));
export const licenseQuery = (name: string) =>
  queryOptions({
    queryKey: ['assets', 'license', name],
    queryFn: ({ signal }) => call(http.GET('/api/v1/licenses/{name}', { params: { path: { name } }, signal })),
  });
export const assignmentsQuery = (name: string) =>
  queryOptions({
    queryKey: ['assets', 'assignments', name],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/licenses/{name}/assignments', { params: { path: { name }, query: { limit: 500 } }, signal }),
      ),
  });
export const usesQuery = (name: string) =>
  queryOptions({
    queryKey: ['assets', 'uses', name],
    queryFn: ({ signal }) =>
      call(http.GET('/api/v1/licenses/{name}/uses', { params: { path: { name }, query: { limit: 500 } }, signal })),
  });
export const createLicense = (
  body: { name: string; product: string; vendor?: string; purchases?: Purchase[] } & Partial<Schemas['AssetLicense']>,
) => call(http.POST('/api/v1/licenses', { body: body as never }));
export const assignLicense = (name: string, kind: 'person' | 'item', to: string) =>
  call(http.POST('/api/v1/licenses/{name}/assignments', { params: { path: { name } }, body: { kind, name: to } }));
export const unassignLicense = (name: string, kind: 'person' | 'item', to: string) =>
  call(http.DELETE('/api/v1/licenses/{name}/assignments/{kind}/{to}', { params: { path: { name, kind, to } } }));
export const deleteLicense = (name: string) =>
  call(http.DELETE('/api/v1/licenses/{name}', { params: { path: { name } } }));
export const listExpiries = (cursor: string | undefined, limit: number, signal: AbortSignal) =>
  call(http.GET('/api/v1/expirations', { params: { query: { cursor, limit } }, signal }));
