import { describe, expect, it } from 'vitest';
import { brief, fieldTitle, fromText, measureTitle, seconds, spans, toText, whereText } from './model';

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
  const two = [change('2026-01-01T00:10:00Z', 'critical', 'ok'), change('2026-01-01T00:05:00Z', 'ok', 'critical')];
  const from = Date.parse('2026-01-01T00:00:00Z') / 1000;
  const lengths = (more: boolean) =>
    spans(two, 'ok', from, from + 1200, more).map((s) => [s.state, s.from - from, s.to - s.from]);
  it('fills the time between changes and before the first of a page', () => {
    expect(lengths(true)).toEqual([
      ['ok', 0, 300],
      ['critical', 300, 300],
      ['ok', 600, 600],
    ]);
  });
  it('claims nothing of the time before the check was there', () => {
    expect(lengths(false)).toEqual([
      ['critical', 300, 300],
      ['ok', 600, 600],
    ]);
  });
  it('shows the present state when nothing ever changed', () => {
    expect(spans([], 'ok', 0, 10, false)).toEqual([{ from: 0, to: 10, state: 'ok' }]);
    expect(spans([], 'pending', 0, 10, false)).toEqual([]);
  });
});

describe('words', () => {
  it('writes names for people', () => {
    expect(measureTitle('probe_http_duration_seconds')).toBe('HTTP duration');
    expect(measureTitle('users')).toBe('Users');
    expect(fieldTitle('url')).toBe('URL');
    expect(fieldTitle('follow_redirects')).toBe('Follow redirects');
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

it('says where a check runs', () => {
  expect(whereText(undefined, undefined)).toBe('server');
  expect(whereText('west', ['west'])).toBe('west');
  expect(whereText('all', ['a', 'b'])).toBe('all edges');
  expect(whereText('any', ['b'])).toBe('any: b');
  expect(whereText('any', [])).toBe('any edge');
});
