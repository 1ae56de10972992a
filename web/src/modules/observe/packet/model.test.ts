import { describe, expect, it } from 'vitest';
import { bytesOf, fieldAt, joined, kindOf, printable, type TreeNode, testOf } from './model';

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
