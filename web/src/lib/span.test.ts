import { describe, expect, it } from 'vitest';
import { apiSpan, showSpan, spanSeconds } from './span';

describe('durations as text', () => {
  it.each([
    ['168h0m0s', 604800],
    ['7d', 604800],
    ['1h 30m', 5400],
    ['500ms', 0.5],
    ['0s', 0],
    ['soon', undefined],
    ['5', undefined],
  ])('%s', (text, s) => expect(spanSeconds(text)).toBe(s));
  it('is written for people and for the API', () => {
    expect(showSpan('168h0m0s')).toBe('7d');
    expect(showSpan('90m')).toBe('1h 30m');
    expect(showSpan('0s')).toBe('0s');
    expect(showSpan(undefined)).toBe('');
    expect(apiSpan('7d')).toBe('604800s');
    expect(apiSpan('soon')).toBe('soon');
  });
});
