import { expect, test } from 'vitest';
import { mediaType, summary } from './model';

test('the name of a file says its form', () => {
  expect(mediaType('Items.CSV')).toBe('text/csv');
  expect(mediaType('a.b.json')).toBe('application/json');
  expect(mediaType('x.ndjson')).toBe('application/x-ndjson');
  expect(mediaType('items')).toBe('text/csv');
});

test('the summary leaves out what is none', () => {
  expect(summary({ created: 1200, updated: 0, unchanged: 3, rejected: 1 })).toBe('1,200 new, 3 unchanged, 1 wrong');
  expect(summary({ created: 0, updated: 0, unchanged: 0, rejected: 0 })).toBe('no rows');
});
