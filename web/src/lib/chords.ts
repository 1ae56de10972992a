import { useEffect, useRef } from 'react';

const GAP = 900; // ms between the two keys

/** Whether the key press is meant for a field, a dialog or the browser. */
export function isTyping(e: KeyboardEvent): boolean {
  const t = e.target as HTMLElement | null;
  if (e.metaKey || e.ctrlKey || e.altKey || e.isComposing) return true;
  if (!t || !('tagName' in t)) return false;
  return t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName) || !!t.closest?.('[role="dialog"]');
}

/**
 * Runs the function whose keys were pressed: one key ("?") or two after each other ("g i"). Silent while typing.
 */
export function useChords(map: Record<string, () => void>): void {
  const latest = useRef(map);
  latest.current = map;
  useEffect(() => {
    let first = '';
    let at = 0;
    const on = (e: KeyboardEvent) => {
      if (e.defaultPrevented || isTyping(e)) return;
      const pair = first && e.timeStamp - at < GAP ? latest.current[`${first} ${e.key}`] : undefined;
      const fn = pair ?? latest.current[e.key];
      if (fn) {
        e.preventDefault();
        first = '';
        fn();
        return;
      }
      first = e.key;
      at = e.timeStamp;
    };
    window.addEventListener('keydown', on);
    return () => window.removeEventListener('keydown', on);
  }, []);
}
