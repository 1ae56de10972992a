import { describe, expect, it, vi } from 'vitest';
import { type FetchPage, RowStore } from './rows';

interface R {
  id: string;
  n: number;
}
const list = (from: number, n: number): R[] =>
  Array.from({ length: n }, (_, i) => ({ id: `r${from + i}`, n: from + i }));
const pages =
  (total: number): FetchPage<R> =>
  async ({ cursor, limit }) => {
    const at = Number(cursor ?? 0);
    const n = Math.min(limit, total - at);
    return { items: list(at, n), next: at + n < total ? String(at + n) : undefined };
  };
const settled = (s: RowStore<R>) => vi.waitFor(() => expect(s.busy).toBe(false));

describe('rows', () => {
  it('reads on as far as somebody looks, in order and without doubles', async () => {
    const fetchPage = vi.fn(pages(5000));
    const s = new RowStore<R>(fetchPage, (r) => r.id);
    s.reload();
    await settled(s);
    expect(s.rows.length).toBe(200); // one page ahead
    expect(s.total).toBeUndefined();
    s.ensure(4999);
    await vi.waitFor(() => expect(s.complete).toBe(true));
    expect(s.rows.map((r) => r.n)).toEqual(list(0, 5000).map((r) => r.n));
    expect(s.total).toBe(5000);
    expect(fetchPage.mock.calls.length).toBeLessThan(16);
  });

  it('changes a row in place', async () => {
    const s = new RowStore<R>(pages(50), (r) => r.id);
    s.reload();
    await settled(s);
    const before = s.snapshot();
    expect(s.patch('r7', (r) => ({ ...r, n: -1 }))).toBe(true);
    expect(s.patch('r99', (r) => r)).toBe(false);
    expect(s.rows[7]).toEqual({ id: 'r7', n: -1 });
    expect(s.snapshot()).not.toBe(before);
  });

  it('keeps the old rows while new ones are read, and when that fails', async () => {
    const old = new RowStore<R>(pages(10), (r) => r.id);
    old.reload();
    await settled(old);
    const s = new RowStore<R>(
      async () => {
        throw new Error('no');
      },
      (r) => r.id,
      old,
    );
    s.reload();
    expect(s.rows.length).toBe(10);
    await settled(s);
    expect(s.rows.length).toBe(10);
    expect(s.error).toEqual(new Error('no'));
  });

  it('drops the answer of a read that was overtaken', async () => {
    let n = 0;
    const release: (() => void)[] = [];
    const s = new RowStore<R>(
      (_, signal) => {
        const mine = n++;
        return new Promise((ok) =>
          release.push(() => ok({ items: [{ id: `x${mine}`, n: signal.aborted ? -1 : mine }] })),
        );
      },
      (r) => r.id,
    );
    s.reload();
    s.reload();
    release[1]?.();
    await settled(s);
    release[0]?.();
    await Promise.resolve();
    expect(s.rows.map((r) => r.id)).toEqual(['x1']);
  });
});
