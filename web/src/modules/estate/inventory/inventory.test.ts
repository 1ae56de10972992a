import { describe, expect, it } from 'vitest';
import { attributeField } from './kind';
import { readValueFilter, valueFilter } from './list';
import { fieldTitle, together } from './past';
import { inTree, type Kind, type Reached } from './queries';
import { asTree } from './reach';

const kind = (name: string, parent = '') => ({ name, parent, title: name }) as Kind;
const reached = (...path: string[]) => ({ name: path.at(-1), path }) as Reached;

describe('inventory', () => {
  it('puts kinds below what they extend', () => {
    const got = inTree([kind('core', 'router'), kind('device'), kind('router', 'device'), kind('host')]);
    expect(got.map((l) => `${l.depth} ${l.kind.name}`)).toEqual(['0 device', '1 router', '2 core', '0 host']);
  });
  it('puts items below what they were reached by, also over one that is hidden', () => {
    const got = asTree([
      reached('db', 'web'),
      reached('db', 'job'),
      reached('db', 'web', 'shop'),
      reached('db', '…', 'x'),
    ]);
    expect(got.map((l) => `${l.depth} ${l.item.name}`)).toEqual(['0 web', '1 shop', '0 job', '0 x']);
  });
  it('reads and writes a line of values', () => {
    const f = readValueFilter('env=prod attributes.serial=A1 attributes.asn=65001');
    expect(f).toEqual({ label: 'env=prod', attribute: ['serial=A1', 'asn=65001'] });
    expect(readValueFilter(valueFilter(f))).toEqual(f);
    expect(readValueFilter('attributes.serial')).toEqual({ label: undefined, attribute: undefined });
  });
  it('keeps changes of one moment together', () => {
    const e = (id: string, at: string, actor: string) => ({ id, at, actor }) as never;
    expect(
      together([e('3', 'b', 'ann'), e('2', 'b', 'ann'), e('1', 'b', 'bob'), e('0', 'a', 'bob')]).map((g) => g.length),
    ).toEqual([2, 1, 1]);
  });
  it('names fields', () => {
    expect(fieldTitle('attributes.os_version')).toBe('OS version');
    expect(fieldTitle('labels.env')).toBe('Label env');
    expect(attributeField('attributes[2].type')).toBe('type');
    expect(attributeField('attributes[2]')).toBe('');
  });
});
