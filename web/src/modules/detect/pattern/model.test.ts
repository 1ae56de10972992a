import { expect, it } from 'vitest';
import { linesTo, parts, policyText } from './model';

it('cuts templates at their values', () => {
  expect(parts('user <*> from <*>')).toEqual([
    { text: 'user ', value: false },
    { text: '…', value: true },
    { text: ' from ', value: false },
    { text: '…', value: true },
  ]);
  expect(parts('')).toEqual([]);
});

it('leads to the lines', () => {
  expect(new URLSearchParams(linesTo('0af', '-7d', 'web 1').split('?')[1]).get('q')).toBe('pattern:=0af item:="web 1"');
});

it('says what a policy takes', () => {
  expect(policyText({ kinds: ['new'], words: 'fail' })).toBe('New, with fail');
  expect(policyText({})).toBe('Every signal');
});
