import { expect, test } from 'vitest';
import { inDays, kindTitle, VIEWS } from './model';

test('a dismissal ends on a day', () => {
  expect(inDays(30, Date.UTC(2026, 0, 1))).toBe('2026-01-31T00:00:00.000Z');
});

test('every list has a tab between the summary and the doubts', () => {
  expect(VIEWS[0]).toBe('summary');
  expect(VIEWS.at(-1)).toBe('doubtful');
  expect(kindTitle('virtual_machine')).toBe('Virtual machine');
});
