import { expect, it } from 'vitest';
import { type Address, capacityText, cells, fromNumber, type PrefixDetail, toNumber } from './model';

it('reads and writes IPv4 addresses as numbers', () => {
  expect(toNumber('10.0.1.255')).toBe(0x0a0001ff);
  expect(fromNumber(0xfffefdfc)).toBe('255.254.253.252');
  expect(toNumber('2001:db8::1')).toBeUndefined();
});

it('says how many hosts fit', () => {
  expect(capacityText(254)).toBe('254');
  expect(capacityText(65534)).toBe('65,534');
  expect(capacityText(2 ** 64 - 1)).toBe('2^64');
});

it('draws each address of a small prefix', () => {
  const p = {
    prefix: '10.0.1.0/29',
    gateway: '10.0.1.1',
    ranges: [{ id: 'r', first: '10.0.1.2', last: '10.0.1.3', purpose: 'dhcp' }],
  } as PrefixDetail;
  const known = [
    { address: '10.0.1.3', status: 'active', conflict: true },
    { address: '10.0.1.4', status: 'reserved' },
  ] as Address[];
  expect(cells(p, known, [{ prefix: '10.0.1.6/31' }]).map((c) => c.state)).toEqual([
    'edge',
    'gateway',
    'dhcp',
    'conflict',
    'reserved',
    'free',
    'inner',
    'edge',
  ]);
  expect(cells({ ...p, prefix: '10.0.0.0/16' }, [], [])).toEqual([]);
});
