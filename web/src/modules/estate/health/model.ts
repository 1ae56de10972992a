/** The lists as the API names them. */
export const LISTS = ['orphans', 'stale', 'duplicates', 'no-owner', 'unmonitored', 'no-backup'] as const;
export type ListName = (typeof LISTS)[number];

/** The tabs of the page: the summary, the lists, and the pairs to decide on. */
export const VIEWS = ['summary', ...LISTS, 'doubtful'] as const;
export type View = (typeof VIEWS)[number];

export const kindTitle = (k: string) => k.replaceAll('_', ' ').replace(/^\w/, (c) => c.toUpperCase());

/** The moment so many days from now, as the API takes it. */
export function inDays(days: number, now: number): string {
  return new Date(now + days * 86_400_000).toISOString();
}
