import { describe, expect, it } from 'vitest';
import { linesOf, parseLabels, sourceOf, specOf, stateOf } from './model';
import type { Job } from './queries';

const job = {
  name: 'node',
  targets: ['a:1', 'b:2'],
  targets_found: 2,
  targets_up: 1,
  samples: 10,
  has_secret: true,
  updated_at: 'x',
} as Job;

describe('scrape jobs', () => {
  it('keeps only what people write', () => {
    expect(specOf(job)).toEqual({ name: 'node', targets: ['a:1', 'b:2'] });
  });
  it('tells how a job goes', () => {
    expect(stateOf(job)).toBe('degraded');
    expect(stateOf({ ...job, targets_up: 2 })).toBe('up');
    expect(stateOf({ ...job, targets_up: 0 })).toBe('down');
    expect(stateOf({ ...job, targets_found: 0, targets_up: 0 })).toBe('waiting');
    expect(stateOf({ ...job, paused: true })).toBe('paused');
  });
  it('tells where targets come from', () => {
    expect(sourceOf(job)).toBe('2 addresses');
    expect(sourceOf({ name: 'x', targets: ['a:1'], dns: { names: ['n'] } })).toBe('a:1; DNS n');
  });
  it('reads lists and labels', () => {
    expect(linesOf('a:1\nb:2, c:3')).toEqual(['a:1', 'b:2', 'c:3']);
    expect(parseLabels('env=prod, team = web')).toEqual({ labels: { env: 'prod', team: 'web' }, bad: false });
    expect(parseLabels('a-b=c').bad).toBe(true);
  });
});
