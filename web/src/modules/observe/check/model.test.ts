import { describe, expect, it } from 'vitest';
import { brief, fromText, seconds, spans, toText } from './model';

const change = (at: string, from: string, to: string, hard = true) => ({
  id: at,
  at,
  from,
  to,
  hard,
  kind: 'state',
  output: '',
});

describe('durations', () => {
  it('reads what Go writes', () => {
    expect(seconds('1h5m30s')).toBe(3930);
    expect(seconds('500ms')).toBe(0.5);
    expect(seconds('soon')).toBeUndefined();
  });
  it('drops empty units', () => {
    expect(brief('1m0s')).toBe('1m');
    expect(brief('1h0m0s')).toBe('1h');
    expect(brief('30s')).toBe('30s');
  });
});

describe('spans', () => {
  it('fills the time between changes and before the first', () => {
    const got = spans(
      [change('2026-01-01T00:10:00Z', 'critical', 'ok'), change('2026-01-01T00:05:00Z', 'ok', 'critical')],
      'ok',
      Date.parse('2026-01-01T00:00:00Z') / 1000,
      Date.parse('2026-01-01T00:20:00Z') / 1000,
    );
    expect(got.map((s) => [s.state, s.to - s.from])).toEqual([
      ['ok', 300],
      ['critical', 300],
      ['ok', 600],
    ]);
  });
  it('shows the present state when nothing ever changed', () => {
    expect(spans([], 'ok', 0, 10)).toEqual([{ from: 0, to: 10, state: 'ok' }]);
    expect(spans([], 'pending', 0, 10)).toEqual([]);
  });
});

describe('fields', () => {
  const field = (kind: 'list' | 'map' | 'whole' | 'text' | 'duration') => ({
    name: 'x',
    kind,
    doc: '',
    required: false,
    secret: false,
  });
  it('turns text into values and back', () => {
    expect(fromText(field('list'), '200\n204', true)).toEqual([200, 204]);
    expect(fromText(field('map'), 'Accept: text/html\nHost: a')).toEqual({ Accept: 'text/html', Host: 'a' });
    expect(fromText(field('whole'), ' 5 ')).toBe(5);
    expect(fromText(field('text'), '')).toBeUndefined();
    expect(toText('list', [1, 2])).toBe('1\n2');
    expect(toText('map', { a: 'b' })).toBe('a: b');
    expect(toText('duration', '1m0s')).toBe('1m');
  });
});
