import { expect, it } from 'vitest';
import { lasted, matchersFor, matcherText, reasons } from './model';

it('says why nobody was told', () => {
  expect(reasons({ suppressed: ['unreachable', 'new reason'], silenced: true })).toEqual([
    'Silenced',
    'What it depends on is down',
    'new reason',
  ]);
  expect(reasons({ suppressed: [], silenced: false })).toEqual([]);
});

it('lasts until its end, or until now', () => {
  const started_at = '2026-11-23T01:00:00Z';
  const now = Date.parse('2026-11-23T02:00:00Z');
  expect(lasted({ started_at }, now)).toBe(3600);
  expect(lasted({ started_at, ended_at: '2026-11-23T01:01:00Z' }, now)).toBe(60);
});

it('a silence of one alert names its item and check', () => {
  expect(matchersFor({ item: 'shop', check: 'shop-http', labels: { env: 'prod' } })).toEqual([
    { name: 'item', value: 'shop' },
    { name: 'check', value: 'shop-http' },
  ]);
  expect(matchersFor({ labels: { env: 'prod' } })).toEqual([{ name: 'env', value: 'prod' }]);
  expect(matcherText({ name: 'item', value: 'shop-.*', regex: true })).toBe('item ~ shop-.*');
});
