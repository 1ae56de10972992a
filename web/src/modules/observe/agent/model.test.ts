import { expect, test } from 'vitest';
import { skewText } from '@/lib/format';
import { parseLabels } from './model';

test('a difference of clocks is told from two seconds', () => {
  expect(skewText(1999)).toBeUndefined();
  expect(skewText(-1999)).toBeUndefined();
  expect(skewText(120_000)).toMatch(/2 ?m.* ahead/);
  expect(skewText(-3000)).toMatch(/3.* behind/);
});

test('labels are read, and what is not one is named', () => {
  expect(parseLabels(' site=north, role = web ,')).toEqual({ labels: { site: 'north', role: 'web' } });
  expect(parseLabels('').labels).toEqual({});
  expect(parseLabels('a=b=c').labels).toEqual({ a: 'b=c' });
  expect(parseLabels('Site=x').bad).toBe('Site=x');
  expect(parseLabels('=x').bad).toBe('=x');
});
