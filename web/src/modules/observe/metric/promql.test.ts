import { describe, expect, it } from 'vitest';
import { namesIn, read, suggest, wantedAt } from './promql';

/** The caret is at "|". */
const at = (s: string) => wantedAt(s.replace('|', ''), s.indexOf('|'));

describe('wantedAt', () => {
  it.each([
    ['ra|', { kind: 'expression', word: 'ra', start: 0 }],
    ['sum(ra|', { kind: 'expression', word: 'ra', start: 4 }],
    ['up{|', { kind: 'label', word: '', match: 'up' }],
    ['up{job="a", ho|}', { kind: 'label', word: 'ho', match: 'up{job="a"}' }],
    ['up{job="|', { kind: 'value', word: '', label: 'job', match: 'up' }],
    ['up{job="a", host=~"we|"}', { kind: 'value', word: 'we', label: 'host', match: 'up{job="a"}' }],
    ['{job="a|', { kind: 'value', word: 'a', label: 'job', match: undefined }],
    ['rate(up[|', { kind: 'duration', word: '' }],
    ['rate(up[5|]', { kind: 'duration', word: '5' }],
    ['sum by (|) (up)', { kind: 'label', word: '', match: 'up' }],
    ['a * on (ho|', { kind: 'label', word: 'ho', match: 'a' }],
  ])('%s', (s, want) => expect(at(s)).toMatchObject(want));
  it.each(['# com|', 'label_replace(up, "a|', 'up{job="a"|', 'up{job="a" |'])('nothing at %s', (s) =>
    expect(at(s)).toBeUndefined(),
  );
});

describe('read', () => {
  it('tells words apart', () => {
    const q = 'sum by (host) (rate(m_total{job="x"}[5m])) > 3';
    expect(
      read(q)
        .tokens.filter((t) => t.kind !== 'sign')
        .map((t) => [q.slice(t.start, t.end), t.kind]),
    ).toEqual([
      ['sum', 'function'],
      ['by', 'keyword'],
      ['host', 'label'],
      ['rate', 'function'],
      ['m_total', 'name'],
      ['job', 'label'],
      ['"x"', 'string'],
      ['5m', 'number'],
      ['3', 'number'],
    ]);
  });
  it('ends with any text', () => {
    for (const s of ['"', "'\\", '((({{{[[', '`', '€ä🙂', '0x', '1e', '\\']) expect(read(s).tokens).toBeDefined();
  });
  it('finds metrics', () => expect(namesIn('a / on (x) b{c="d"} + a')).toEqual(['a', 'b']));
});

describe('suggest', () => {
  const known = {
    metrics: [{ name: 'rate_limit', type: 'gauge' }, { name: 'http_rate' }],
    functions: [{ name: 'rate', signature: 'rate(range vector)' }],
    labels: ['host'],
    values: ['a"b'],
  };
  it('gives the language and metrics', () => {
    expect(suggest({ kind: 'expression', start: 0, word: 'rat' }, known).map((s) => s.insert)).toEqual([
      'rate(',
      'rate_limit',
      'http_rate',
    ]);
  });
  it('closes what it opens', () => {
    expect(suggest({ kind: 'value', start: 0, word: '' }, known)[0]?.insert).toBe('a\\"b"');
    expect(suggest({ kind: 'value', start: 0, word: '' }, known, '"}')[0]?.insert).toBe('a\\"b');
    expect(suggest({ kind: 'duration', start: 0, word: '5' }, known).map((s) => s.insert)).toEqual(['5m]']);
  });
});
