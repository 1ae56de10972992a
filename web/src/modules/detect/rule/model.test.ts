import { describe, expect, it } from 'vitest';
import { brief, firingSpans, fromLines, graphOf, labelText, limitOf, toLines } from './model';
import type { Trial } from './queries';

describe('rules', () => {
  it('reads the limit of a question and what to draw', () => {
    expect(limitOf('a / b > 0.9')).toBe(0.9);
    expect(limitOf('up == 0')).toBe(0);
    expect(limitOf('a > b')).toBeUndefined();
    expect(limitOf('rate(x[5m]) > 1e3')).toBe(1000);
    expect(graphOf('a / b > 0.9')).toBe('a / b');
    expect(graphOf('absent(up)')).toBe('absent(up)');
    expect(graphOf('a > b')).toBe('a > b');
  });
  it('writes maps as lines and back', () => {
    const m = { summary: '{{ $labels.x }}: full', description: 'one\ntwo' };
    expect(fromLines(toLines(m))).toEqual(m);
    expect(fromLines('nothing here')).toBeUndefined();
  });
  it('writes labels and durations for people', () => {
    expect(labelText({ b: '2', a: '1', alertname: 'x' })).toBe('{a="1", b="2"}');
    expect(brief('1h0m0s')).toBe('1h');
    expect(brief('1m30s')).toBe('1m30s');
    expect(brief('10s')).toBe('10s');
    expect(brief('0s')).toBe('');
  });
  it('joins episodes that overlap', () => {
    const at = (s: number) => new Date(s * 1000).toISOString();
    const t = {
      episodes: [
        { fired_at: at(50), labels: {}, since: at(40), value: 1 },
        { fired_at: at(10), ended_at: at(20), labels: {}, since: at(5), value: 1 },
        { fired_at: at(15), ended_at: at(30), labels: {}, since: at(5), value: 1 },
      ],
    } as unknown as Trial;
    expect(firingSpans(t, 60)).toEqual([
      { from: 10, to: 30, tone: 'down' },
      { from: 50, to: 60, tone: 'down' },
    ]);
  });
});
