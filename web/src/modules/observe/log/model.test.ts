import { describe, expect, it } from 'vitest';
import {
  byLevel,
  filterFor,
  guessPattern,
  justAfter,
  parseRows,
  splitPipes,
  suggest,
  token,
  wantedAt,
  withFilter,
} from './model';

describe('filters', () => {
  it('quotes what LogsQL would read otherwise', () => {
    expect(token('status')).toBe('status');
    expect(token('kubernetes.pod-name')).toBe('kubernetes.pod-name');
    expect(token('a b')).toBe('"a b"');
    expect(token('or')).toBe('"or"');
    expect(filterFor('user', 'a "b"')).toBe('user:="a \\"b\\""');
    expect(filterFor('user', 'x', true)).toBe('-user:="x"');
  });
  it('adds to the filter and leaves pipes', () => {
    expect(withFilter('', 'a', 'b')).toBe('a:="b"');
    expect(withFilter('*', 'a', 'b')).toBe('a:="b"');
    expect(withFilter('x | stats count()', 'a', 'b')).toBe('x a:="b" | stats count()');
    expect(withFilter('x or y', 'a', 'b', true)).toBe('(x or y) -a:="b"');
    expect(withFilter('x -a:="b"', 'a', 'b')).toBe('x a:="b"');
    expect(withFilter('a:="b"', 'a', 'b')).toBe('a:="b"');
  });
  it('finds the first pipe outside of quotes and brackets', () => {
    expect(splitPipes('"a|b" c:in(x | fields c) | limit 1')).toEqual(['"a|b" c:in(x | fields c)', '| limit 1']);
    expect(splitPipes('a')).toEqual(['a', '']);
  });
});

describe('completion', () => {
  it('knows what is wanted', () => {
    expect(wantedAt('lev', 3)).toEqual({ start: 0, word: 'lev' });
    expect(wantedAt('error level:', 12)).toEqual({ start: 12, word: '', field: 'level' });
    expect(wantedAt('level:er', 8)).toEqual({ start: 6, word: 'er', field: 'level' });
    expect(wantedAt('-"a b":x', 8)).toEqual({ start: 7, word: 'x', field: 'a b' });
    expect(wantedAt('x | st', 6)).toEqual({ start: 4, word: 'st', pipe: true });
    expect(wantedAt('x | stats by (ho', 16)).toEqual({ start: 14, word: 'ho' });
  });
  it('suggests', () => {
    expect(suggest({ start: 0, word: 'st' }, ['host', 'status'], []).map((s) => s.insert)).toEqual([
      'status:',
      'host:',
    ]);
    expect(suggest({ start: 0, word: 'e', field: 'level' }, [], [{ value: 'error', rows: 3 }])).toEqual([
      { text: 'error', insert: 'error ', note: '3' },
    ]);
    expect(suggest({ start: 0, word: 'top', pipe: true }, [], [])).toHaveLength(1);
  });
});

it('sorts levels from worst to least', () => {
  expect(['info', '', 'error', 'odd', 'critical'].sort(byLevel)).toEqual(['critical', 'error', 'info', '', 'odd']);
});

it('steps over one nanosecond', () => {
  expect(justAfter('2026-03-01T10:00:00Z')).toBe('2026-03-01T10:00:00.000000001Z');
  expect(justAfter('2026-03-01T10:00:00.999999999Z')).toBe('2026-03-01T10:00:01.000000000Z');
});

it('reads rows, and the error behind them', () => {
  expect(parseRows('{"a":"1"}\n{"error":"too slow"}\n')).toEqual({ rows: [{ a: '1' }], error: 'too slow' });
  expect(parseRows('')).toEqual({ rows: [] });
});

describe('guessPattern', () => {
  it('names what can only be a value', () => {
    expect(guessPattern('user=ada from 10.0.0.7 took 12 ms, 50% "a b"')).toBe(
      'user=%{word:user} from %{ip:src_ip} took %{int:number} ms, %{int:number2}%% %{quoted:text}',
    );
    expect(guessPattern('a=1 a=2')).toBe('a=%{int:a} a=%{int:a2}');
    expect(guessPattern('')).toBe('');
  });
});
