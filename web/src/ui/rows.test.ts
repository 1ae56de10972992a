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
    expect(s.rows.map((r) => r?.n)).toEqual(list(0, 5000).map((r) => r.n));
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
    expect(s.rows.map((r) => r?.id)).toEqual(['x1']);
  });

  describe('by position', () => {
    const long = (total: number) =>
      vi.fn<FetchPage<R>>(async ({ cursor, limit }) => {
        const at = Number(cursor);
        const n = Math.max(0, Math.min(limit, total - at));
        return { items: list(at, n), next: at + n < total ? String(at + n) : undefined, total };
      });
    const open = async (fetchPage: FetchPage<R>) => {
      const s = new RowStore<R>(fetchPage, (r) => r.id, undefined, true);
      s.reload();
      await settled(s);
      return s;
    };

    it('jumps to the end of a long list with one request', async () => {
      const fetchPage = long(100_000);
      const s = await open(fetchPage);
      expect(s.total).toBe(100_000);
      const before = fetchPage.mock.calls.length;
      s.ensure(99_999, 99_960);
      await settled(s);
      expect(fetchPage.mock.calls.length - before).toBe(1);
      expect(s.rows[99_999]).toEqual({ id: 'r99999', n: 99_999 });
      expect(s.rows[50_000]).toBeUndefined();
      expect(s.count).toBeLessThan(1000);
      expect(s.patch('r99990', (r) => ({ ...r, n: -1 }))).toBe(true);
      expect(s.rows[99_990]?.n).toBe(-1);
    });

    it('reads what is in sight again, where the person is', async () => {
      const fetchPage = long(10_000);
      const s = await open(fetchPage);
      s.ensure(5040, 5000);
      await settled(s);
      s.reload();
      await settled(s);
      expect(s.rows[5000]?.n).toBe(5000);
      expect(s.rows[0]).toBeUndefined();
    });

    it('ends when the list has become shorter than it said', async () => {
      let total = 10_000;
      const fetchPage = vi.fn<FetchPage<R>>((p, signal) => long(total)(p, signal));
      const s = await open(fetchPage);
      total = 500;
      s.ensure(9999, 9950);
      await vi.waitFor(() => expect(s.total).toBe(500));
      await settled(s);
      s.ensure(499, 450);
      await settled(s);
      expect(s.rows[499]?.n).toBe(499);
      expect(fetchPage.mock.calls.length).toBeLessThan(6);
    });
  });
});
