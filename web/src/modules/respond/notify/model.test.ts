import { expect, it } from 'vitest';
import { apiSpan, showSpan } from '@/lib/span';
import { methodOf, rowOf } from './model';

it('takes a contact method apart and puts it together', () => {
  const hook = { webhook: { url: 'https://hook.example.org/x', headers: { 'X-Key': '' } }, delay: '5m0s' };
  const row = rowOf(hook, showSpan);
  expect([row.type, row.to, row.delay]).toEqual(['webhook', 'https://hook.example.org/x', '5m']);
  expect(methodOf(row, hook, apiSpan)).toEqual({ ...hook, delay: '300s' });
  const mail = rowOf({ email: { to: ['ada@example.org'] }, delay: '0s' }, showSpan);
  expect([mail.type, mail.to, mail.delay]).toEqual(['email', 'ada@example.org', '']);
  expect(methodOf({ ...mail, to: ' b@example.org ' }, undefined, apiSpan)).toEqual({
    email: { to: ['b@example.org'] },
  });
  expect(methodOf({ ...mail, type: 'teams', to: 'https://t' }, undefined, apiSpan)).toEqual({
    teams: { url: 'https://t' },
  });
});
