import { describe, expect, it } from 'vitest';
import { navEntries, paletteActions } from './registry';

describe('the list of modules', () => {
  it('gives every page its own keys', () => {
    const seen = new Map<string, string>();
    for (const n of navEntries) {
      expect(seen.get(n.chord), `${n.label} and ${seen.get(n.chord)} have the keys "${n.chord}"`).toBeUndefined();
      seen.set(n.chord, n.label);
      expect(n.chord).toMatch(/^[gv] [a-z0-9]$/);
    }
  });
  it('gives every action its own name', () => {
    expect(new Set(paletteActions.map((a) => a.id)).size).toBe(paletteActions.length);
  });
});
