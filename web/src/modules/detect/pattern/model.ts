import type { Tone } from '@/ui/tone';

/** The word and tone of each state. Usual and learning need no color. */
export const STATES: Record<string, { label: string; tone: Tone; hint: string }> = {
  exploding: { label: 'Far too often', tone: 'down', hint: 'Many more lines than usual at this hour.' },
  new: { label: 'New', tone: 'warn', hint: 'Never seen before; new for a day.' },
  vanished: { label: 'Vanished', tone: 'unknown', hint: 'It came steadily, and stopped while its item still talks.' },
  usual: { label: 'Usual', tone: 'plain', hint: 'As always.' },
  learning: { label: 'Learning', tone: 'plain', hint: 'What is usual is known after three hours.' },
};

export const KINDS = ['new', 'exploding', 'vanished'].map((value) => ({ value, label: STATES[value]?.label ?? value }));

export const MARKS: Record<string, string> = { known: 'Known', muted: 'Muted', notable: 'Notable' };

/** A template in parts: fixed text, and the places of values. */
export function parts(template: string): { text: string; value: boolean }[] {
  return template
    .split(/(<\*>)/)
    .filter(Boolean)
    .map((text) => ({ text: text === '<*>' ? '…' : text, value: text === '<*>' }));
}

/** The page of a pattern. */
export const patternTo = (id: string) => `/detect/patterns/${encodeURIComponent(id)}`;

/** Its lines in the log explorer. */
export function linesTo(id: string, from = '-24h', item?: string): string {
  const q = `pattern:=${id}${item ? ` item:=${JSON.stringify(item)}` : ''}`;
  return `/observe/logs?${new URLSearchParams({ q, from })}`;
}

/** What a policy takes, as a sentence. */
export function policyText(p: {
  kinds?: string[] | null;
  words?: string;
  items?: string[] | null;
  notable?: boolean;
}): string {
  const kinds = p.kinds?.length ? p.kinds.map((k) => STATES[k]?.label.toLowerCase() ?? k).join(', ') : 'every signal';
  const rest = [
    p.words && `with ${p.words}`,
    p.items?.length && `on ${p.items.join(', ')}`,
    p.notable && 'marked as notable',
  ].filter(Boolean);
  return [kinds.charAt(0).toUpperCase() + kinds.slice(1), ...rest].join(', ');
}
