import { bytes, integer } from '@/lib/format';
import type { Edge } from './queries';

/** What waits on the disk of an edge, in words; undefined when nothing does. */
export function waitingText(e: Pick<Edge, 'waiting' | 'waiting_bytes'>): string | undefined {
  // One batch is always on its way while checks run.
  if (e.waiting < 2) return undefined;
  return `${integer(e.waiting)} batches, ${bytes(e.waiting_bytes)}`;
}

/** An address that other machines cannot reach. */
export const isLocal = (url: string) => /^[a-z]+:\/\/(127\.|localhost|\[::1\])/.test(url);
