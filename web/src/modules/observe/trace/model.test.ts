import { describe, expect, it } from 'vitest';
import { colors, layout, nanos, rowsOf, took } from './model';
import { millis, type ServiceMap, type Span } from './queries';

const span = (id: string, parent: string, at: string, service = 'a') =>
  ({ span_id: id, parent_id: parent, start: at, service, name: id, duration_ns: 1 }) as unknown as Span;

describe('traces', () => {
  it('makes a tree, also of spans whose parent is missing or that go in a circle', () => {
    const rows = rowsOf(
      [
        span('r', '', '2026-11-23T08:00:00.000000001Z'),
        span('c', 'r', '2026-11-23T08:00:00.000001001Z'),
        span('x', 'gone', '2026-11-23T08:00:00.5Z', 'b'),
        span('d', 'c', '2026-11-23T08:00:00.000002001Z'),
        span('p', 'q', '2026-11-23T08:00:01Z'),
        span('q', 'p', '2026-11-23T08:00:01Z'),
      ],
      '2026-11-23T08:00:00.000000001Z',
    );
    expect(rows.map((r) => `${r.span.span_id}${r.depth}`)).toEqual(['r0', 'c1', 'd2', 'x0', 'p0', 'q1']);
    expect(rows[0]?.below).toBe(2);
    expect(rows[1]?.at).toBe(1);
    expect(rows[2]?.at).toBe(2);
  });
  it('reads times to the nanosecond', () => {
    expect(nanos('1970-01-01T00:00:01.000000002Z')).toBe(1_000_000_002n);
    expect(nanos('1970-01-01T00:00:01Z')).toBe(1_000_000_000n);
  });
  it('reads and writes durations', () => {
    expect(millis('250ms')).toBe(250);
    expect(millis('1.5 s')).toBe(1500);
    expect(millis('20')).toBe(20);
    expect(millis('soon')).toBeUndefined();
    expect(took(900)).toBe('900 ns');
    expect(took(15_000)).toBe('15 µs');
  });
  it('gives each service a color', () => {
    expect([
      ...colors([span('a', '', '2026-11-23T08:00:00Z'), span('b', '', '2026-11-23T08:00:00Z', 'b')]).values(),
    ]).toEqual(['var(--s1)', 'var(--s2)']);
  });
  it('places callers before what they call, and ends on a circle', () => {
    const node = (name: string) => ({ name, kind: 'service' });
    const call = (client: string, server: string) => ({ client, server });
    const m = {
      nodes: ['db', 'web', 'cart', 'loop'].map(node),
      calls: [call('web', 'cart'), call('cart', 'db'), call('cart', 'loop'), call('loop', 'cart')],
    } as unknown as ServiceMap;
    const at = new Map(layout(m, 1, 1).map((p) => [p.name, p.x]));
    expect(at.get('web')).toBeLessThan(at.get('cart') as number);
    expect(at.get('cart')).toBeLessThan(at.get('db') as number);
    expect(at.size).toBe(4);
  });
});
