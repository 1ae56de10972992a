import { expect, test } from 'vitest';
import { isLocal, waitingText } from './model';

test('what waits is told when it is more than the batch on its way', () => {
  expect(waitingText({ waiting: 0, waiting_bytes: 0 })).toBeUndefined();
  expect(waitingText({ waiting: 1, waiting_bytes: 900 })).toBeUndefined();
  expect(waitingText({ waiting: 1200, waiting_bytes: 2_000_000 })).toMatch(/^1,200 batches, .*B$/);
});

test('a local address is known', () => {
  expect(isLocal('http://127.0.0.1:8080')).toBe(true);
  expect(isLocal('http://[::1]:8080')).toBe(true);
  expect(isLocal('https://mainstay.example.org')).toBe(false);
});
