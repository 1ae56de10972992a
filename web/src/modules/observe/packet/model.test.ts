import { describe, expect, it } from 'vitest';
import {
  addressTest,
  bytesOf,
  fieldAt,
  joined,
  kindOf,
  printable,
  sorted,
  type TreeNode,
  talkTest,
  testOf,
  windowTest,
} from './model';

describe('captures', () => {
  it('writes tests as the filter language wants them', () => {
    const test = (name: string, value?: string) => testOf({ name, value }, kindOf(value));
    expect(test('tcp.port', '80')).toBe('tcp.port == 80');
    expect(test('ip.src', '192.0.2.1')).toBe('ip.src == 192.0.2.1');
    expect(test('ipv6.src', '2001:db8::1')).toBe('ipv6.src == 2001:db8::1');
    expect(test('eth.src', '00:00:5e:00:53:01')).toBe('eth.src == 00:00:5e:00:53:01');
    expect(test('http.host', 'a "b" \\')).toBe('http.host == "a \\"b\\" \\\\"');
    expect(test('tcp', '')).toBe('tcp');
  });
  it('joins tests', () => {
    expect(joined('', 'and', 'tcp')).toBe('tcp');
    expect(joined(' ', 'and not', 'tcp')).toBe('not (tcp)');
    expect(joined('a or b', 'and not', 'tcp')).toBe('(a or b) and not (tcp)');
  });
  it('shows bytes', () => {
    expect(printable(bytesOf('R0VUIC8NCgD/'))).toBe('GET /\n..');
  });
});

describe('bytes', () => {
  it('lead back to the innermost field', () => {
    const inner = { name: 'tcp.srcport', label: 'Source port', start: 34, end: 36 };
    const tree = [
      { name: 'frame', label: 'Frame', start: 0, end: 60 },
      { name: 'tcp', label: 'TCP', start: 34, end: 54, fields: [inner] },
    ] as TreeNode[];
    expect(fieldAt(tree, 35, 0)?.name).toBe('tcp.srcport');
    expect(fieldAt(tree.slice(1), 40, 0)?.name).toBe('tcp');
    expect(fieldAt(tree, 99, 0)).toBeUndefined();
    expect(fieldAt(tree, 35, 1)).toBeUndefined();
  });
});

describe('statistics', () => {
  it('chooses the packets of a conversation', () => {
    const t = { protocol: 'tcp', src: '10.0.0.1', dst: '10.0.0.2', src_port: 5000, dst_port: 80, stream: 3 };
    expect(talkTest(t)).toBe('tcp.stream == 3');
    expect(talkTest({ ...t, stream: -1 })).toBe(
      'ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2 && tcp.port == 5000 && tcp.port == 80',
    );
    expect(talkTest({ ...t, protocol: '', stream: -1, src: 'fe80::1', dst: 'ff02::1' })).toBe(
      'ipv6.addr == fe80::1 && ipv6.addr == ff02::1',
    );
    expect(addressTest('00:11:22:33:44:55')).toBe('eth.addr == 00:11:22:33:44:55');
  });
  it('sorts by a figure and leaves the order without one', () => {
    const items = [{ n: 1 }, { n: 3 }, { n: 2 }];
    const by = { n: (x: { n: number }) => x.n };
    expect(sorted(items, { by: 'n', desc: true }, by).map((x) => x.n)).toEqual([3, 2, 1]);
    expect(sorted(items, { by: 'n', desc: false }, by).map((x) => x.n)).toEqual([1, 2, 3]);
    expect(sorted(items, { by: 'x', desc: true }, by)).toEqual(items);
    expect(sorted(items, undefined, by)).toEqual(items);
  });
  it('writes a time as a filter', () => {
    expect(windowTest(1.5, 2)).toBe('frame.time_epoch >= 1.500000 && frame.time_epoch <= 2.000000');
  });
});
