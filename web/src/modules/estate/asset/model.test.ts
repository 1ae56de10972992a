import { expect, test } from 'vitest';
import { minor, money } from './parts';
import { csvURL } from './queries';

test('prices keep the digits of their currency', () => {
  expect(money(129900, 'EUR')).toBe('€1,299.00');
  expect(money(500, 'JPY')).toBe('¥500');
  expect(money(5, undefined)).toBeUndefined();
  expect(minor(1299, 'EUR')).toBe(129900);
  expect(minor(0.29, 'USD')).toBe(29);
  expect(minor(500, 'JPY')).toBe(500);
  expect(minor(1, 'nonsense')).toBe(100);
});

test('the CSV has the filters of the list', () => {
  expect(csvURL({})).toBe('/api/v1/assets.csv');
  expect(csvURL({ q: 'a b', state: ['in_use', 'repair'], overdue: true })).toBe(
    '/api/v1/assets.csv?q=a+b&state=in_use%2Crepair&overdue=true',
  );
});
