import { describe, expect, it } from 'vitest';
import { actorOf, causeLabel, type Incident, looks, moments, verbs } from './model';

const INCIDENT: Incident = {
  number: 'INC-1',
  title: 'shop: shop-http critical',
  state: 'acknowledged',
  priority: 2,
  impact: 2,
  urgency: 1,
  items: ['shop'],
  impact_started_at: '2026-11-23T01:00:00Z',
  detected_at: '2026-11-23T01:00:30Z',
  acknowledged_at: '2026-11-23T01:02:30Z',
  restored_at: '2026-11-23T01:10:00Z',
  created_at: '2026-11-23T01:00:30Z',
  updated_at: '2026-11-23T01:10:00Z',
  reopens: 0,
  alerts_firing: 1,
  version: 3,
};

describe('what a state allows', () => {
  it.each([
    ['new', undefined, ['acknowledge', 'restore', 'resolve']],
    ['acknowledged', undefined, ['work', 'restore', 'resolve']],
    ['acknowledged', '2026-11-23T01:03:00Z', ['restore', 'resolve']],
    ['restored', undefined, ['resolve', 'reopen']],
    ['resolved', undefined, ['close', 'reopen']],
    ['closed', undefined, []],
  ] as const)('%s, work began %s', (state, work_started_at, want) => {
    expect(verbs({ state, work_started_at })).toEqual(want);
  });
});

describe('moments', () => {
  it('counts each from what reports count it from', () => {
    const took = Object.fromEntries(moments(INCIDENT).map((m) => [m.label, m.took]));
    expect(took).toMatchObject({ Detected: 30, Acknowledged: 120, Restored: 600, Resolved: undefined });
  });
  it('never gives a negative time', () => {
    const early = { ...INCIDENT, detected_at: '2026-11-23T00:59:00Z' };
    expect(moments(early).find((m) => m.label === 'Detected')?.took).toBe(0);
  });
});

describe('the timeline', () => {
  it.each([
    [
      { kind: 'alert', body: 'Alert: shop-http critical' },
      { icon: 'alert', tone: 'down' },
    ],
    [
      { kind: 'alert', body: 'Alert resolved: shop-http' },
      { icon: 'alert', tone: 'ok' },
    ],
    [
      { kind: 'state', body: 'Restarted the pool. Resolved.' },
      { icon: 'done', tone: 'ok' },
    ],
    [{ kind: 'comment', body: 'I look at it.' }, { icon: 'comment' }],
    [{ kind: 'of another version', body: '' }, { icon: 'dot' }],
  ])('%o', (e, want) => expect(looks(e)).toEqual(want));
  it('names people, not the system', () => {
    expect(actorOf({ actor: 'Ada Moreno' })).toBe('Ada Moreno');
    expect(actorOf({ actor: 'system' })).toBeUndefined();
  });
  it('names causes, also those it does not know', () => {
    expect(causeLabel('capacity')).toBe('Capacity');
    expect(causeLabel('moon')).toBe('moon');
  });
});
