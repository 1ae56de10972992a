import { afterEach, describe, expect, it, vi } from 'vitest';
import { call, http, onSignedOut } from './client';
import { fieldPath, messageOf, Problem } from './problems';

afterEach(() => vi.unstubAllGlobals());
const answer = (status: number, body: unknown, type = 'application/problem+json') =>
  vi.stubGlobal(
    'fetch',
    async () => new Response(JSON.stringify(body), { status, headers: { 'content-type': type, 'X-Request-Id': 'r1' } }),
  );
const caught = (p: Promise<unknown>) =>
  p.then(
    () => undefined,
    (e) => e as Problem,
  );

describe('problems', () => {
  it.each([
    ['body.steps[0].after', 'steps.0.after'],
    ['/steps/0/after', 'steps.0.after'],
    ['name', 'name'],
    ['body', ''],
  ])('path %s', (from, to) => expect(fieldPath(from)).toBe(to));

  it('keeps the sentence, the fields and the request id', async () => {
    answer(422, {
      title: 'Unprocessable',
      status: 422,
      detail: 'The input is not valid.',
      errors: [{ location: 'body.name', message: 'is taken' }],
    });
    const e = await caught(call(http.GET('/api/v1/search', { params: { query: { q: 'x' } } })));
    expect(e).toBeInstanceOf(Problem);
    expect([e?.status, e?.message, e?.fields, e?.requestId]).toEqual([
      422,
      'The input is not valid.',
      [{ path: 'name', message: 'is taken' }],
      'r1',
    ]);
  });

  it('says it in words when there is no network', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('Failed to fetch');
    });
    const e = await caught(call(http.GET('/api/v1/session')));
    expect(e?.status).toBe(0);
    expect(messageOf(e)).toMatch(/did not answer/);
  });

  it('tells of a lost session, but not of a wrong password', async () => {
    const told = vi.fn();
    const off = onSignedOut(told);
    answer(401, { detail: 'Sign in first.' });
    await caught(call(http.POST('/api/v1/session', { body: { email: 'a', password: 'b' } })));
    expect(told).not.toHaveBeenCalled();
    await caught(call(http.GET('/api/v1/search', { params: { query: { q: 'x' } } })));
    expect(told).toHaveBeenCalledTimes(1);
    off();
  });
});
