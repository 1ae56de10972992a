import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';

/**
 * Choosing a stretch of a picture made of equal steps: by dragging over it, or with the arrow keys and Enter. Spread `on`
 * over the element that `box` points to. With `click` a press without a move chooses that one step.
 */
export function useSteps(steps: number, choose: (first: number, last: number) => void, { click = false } = {}) {
  const box = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number>();
  const [drag, setDrag] = useState<{ from: number; to: number }>();
  const at = (e: PointerEvent) => {
    const r = box.current?.getBoundingClientRect();
    return r ? Math.min(steps - 1, Math.max(0, Math.floor(((e.clientX - r.left) / r.width) * steps))) : 0;
  };
  const take = (a: number, b: number) => choose(Math.min(a, b), Math.max(a, b));
  const on = {
    onPointerMove: (e: PointerEvent) => {
      const i = at(e);
      setHover(i);
      if (drag) setDrag({ ...drag, to: i });
    },
    onPointerLeave: () => !drag && setHover(undefined),
    onPointerDown: (e: PointerEvent) => {
      if (e.button !== 0) return;
      e.currentTarget.setPointerCapture(e.pointerId);
      const i = at(e);
      setDrag({ from: i, to: i });
    },
    onPointerUp: () => {
      if (drag && (click || drag.from !== drag.to)) take(drag.from, drag.to);
      setDrag(undefined);
    },
    onPointerCancel: () => setDrag(undefined),
    onKeyDown: (e: KeyboardEvent) => {
      if (e.key === 'ArrowRight' || e.key === 'ArrowLeft') {
        e.preventDefault();
        setHover((h) => Math.min(steps - 1, Math.max(0, (h ?? -1) + (e.key === 'ArrowRight' ? 1 : -1))));
      } else if (e.key === 'Enter' && hover !== undefined) take(hover, hover);
      else if (e.key === 'Escape') {
        setDrag(undefined);
        setHover(undefined);
      }
    },
    onBlur: () => setHover(undefined),
  };
  return { box, hover, drag, on };
}
