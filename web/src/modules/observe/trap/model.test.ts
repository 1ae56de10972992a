import { describe, expect, it } from 'vitest';
import { lostText, type Source, type Trap, titleOf, valuesText, varName } from './model';

const trap = (t: Partial<Trap>): Trap => ({
  id: '1',
  at: '',
  last_at: '',
  kind: 'trap',
  address: '192.0.2.1',
  inform: false,
  vars: [],
  count: 1,
  ...t,
});

describe('traps', () => {
  it('have a name, or an OID', () => {
    expect(titleOf(trap({ name: 'linkDown', oid: '1.3' }))).toBe('linkDown');
    expect(titleOf(trap({ oid: '1.3.6.1' }))).toBe('1.3.6.1');
    expect(titleOf(trap({ kind: 'storm' }))).toBe('Too many traps');
  });
  it('say their values', () => {
    const vars = [
      { oid: '1.3.6.1.2.1.2.2.1.1.3', name: 'ifIndex', index: '3', text: '3' },
      { oid: '1.3.6.1.4.1.9.1', text: 'x' },
    ];
    expect(valuesText(trap({ vars }))).toBe('ifIndex=3, 1.3.6.1.4.1.9.1=x');
    expect(valuesText(trap({ means: 'The device started anew.' }))).toBe('The device started anew.');
    expect(valuesText(trap({ kind: 'storm', count: 1200 }))).toContain('1,200 traps');
    expect(vars.map(varName)).toEqual(['ifIndex.3', '1.3.6.1.4.1.9.1']);
    expect(varName({ oid: '1.3.6.1.2.1.1.5.0', name: 'sysName', index: '0', text: '' })).toBe('sysName');
  });
  it('tell what was not taken', () => {
    const s = { refused: 2, malformed: 0, limited: 1000 } as Source;
    expect(lostText(s)).toBe('2 refused, 1,000 over the limit');
    expect(lostText({ refused: 0, malformed: 0, limited: 0 } as Source)).toBe('');
  });
});
