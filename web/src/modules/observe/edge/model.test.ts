import { describe, expect, it, test } from 'vitest';
import { installLine, isLocal, receiveOf, receiveText, waitingText } from './model';

test('what waits is told when it is more than the batch on its way', () => {
  expect(waitingText({ waiting: 0, waiting_bytes: 0 })).toBeUndefined();
  expect(waitingText({ waiting: 1, waiting_bytes: 900 })).toBeUndefined();
  expect(waitingText({ waiting: 1200, waiting_bytes: 2_000_000 })).toMatch(/^1,200 batches, .*B$/);
});

test('a local address is known', () => {
  expect(isLocal('http://127.0.0.1:8080')).toBe(true);
  expect(isLocal('http://[::1]:8080')).toBe(true);
  expect(isLocal('https://mainstay.example.org')).toBe(false);
});

describe('what an edge receives', () => {
  it('comes out of the form as it went in, without what is empty', () => {
    const r = { listen: { netflow: '0.0.0.0:2055' }, allowed: ['10.0.0.0/8', '192.0.2.7/32'] };
    const text = receiveText(r);
    expect(text.sflow).toBe('');
    expect(receiveOf({ ...text, trap: '  ' })).toEqual(r);
    expect(receiveOf({ ...text, allowed: ' 10.0.0.0/8,\n\n' }).allowed).toEqual(['10.0.0.0/8']);
  });
});

describe('the line that installs', () => {
  it('is one word for the shell, whatever the name', () => {
    expect(installLine('https://m.example', 'tok', '')).toBe(
      "curl -fsS 'https://m.example/edge/install.sh?token=tok' | sudo sh",
    );
    expect(installLine('https://m.example', 'tok', " it's ")).toContain("| sudo NAME='it'\\''s' sh");
  });
});
