import { useEffect, useRef } from 'react';
import classes from './suggestions.module.css';

export interface Suggestion {
  text: string;
  /** What it is, in a word. */
  note?: string;
  /** What it means, shown under the pointer. */
  help?: string;
}

/**
 * What may be written next, below an input that keeps the focus. The input names it by `aria-controls={id + '-list'}` and
 * the active one by `aria-activedescendant={id + '-' + active}`.
 */
export function Suggestions({
  id,
  list,
  active,
  take,
}: {
  id: string;
  list: readonly Suggestion[];
  active: number;
  take: (i: number) => void;
}) {
  const shown = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active >= 0) shown.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div ref={shown} id={`${id}-list`} role="listbox" aria-label="Suggestions" className={classes.list}>
      {list.map((s, i) => (
        // The keyboard acts in the input itself: aria-activedescendant says which one is meant.
        // biome-ignore lint/a11y/useKeyWithClickEvents: see above
        <div
          key={`${s.note} ${s.text}`}
          id={`${id}-${i}`}
          role="option"
          aria-selected={i === active}
          title={s.help}
          // Before the input loses the focus.
          onMouseDown={(e) => e.preventDefault()}
          onClick={() => take(i)}
        >
          <span className="mono">{s.text}</span>
          {s.note && <small>{s.note}</small>}
        </div>
      ))}
    </div>
  );
}
