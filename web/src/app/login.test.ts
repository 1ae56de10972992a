import { describe, expect, it } from 'vitest';
import { safeNext } from './login';

describe('sign-in', () => {
  it.each([
    ['/incidents/INC-1', '/incidents/INC-1'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    [undefined, '/'],
  ])('goes to %s', (next, to) => expect(safeNext(next)).toBe(to));
});
