import type { components } from '@/api/schema';

export type ImportResult = components['schemas']['InventoryImportResult'];

/** The largest file that the server takes, in bytes. */
export const LARGEST = 64 * 1024 * 1024;

/** The media type of a file by its name. */
export function mediaType(name: string): string {
  const end = name.toLowerCase().split('.').at(-1);
  if (end === 'json') return 'application/json';
  if (end === 'ndjson' || end === 'jsonl') return 'application/x-ndjson';
  return 'text/csv';
}

/** "3 created, 2 updated, 5 unchanged", without what is none. */
export function summary(r: Pick<ImportResult, 'created' | 'updated' | 'unchanged' | 'rejected'>): string {
  const parts = [
    [r.created, 'new'],
    [r.updated, 'changed'],
    [r.unchanged, 'unchanged'],
    [r.rejected, 'wrong'],
  ].filter(([n]) => n);
  return parts.map(([n, word]) => `${Number(n).toLocaleString('en-US')} ${word}`).join(', ') || 'no rows';
}
