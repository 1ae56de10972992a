/** A place on the grid: columns and rows from 0. */
export interface Box {
  id: string;
  x: number;
  y: number;
  w: number;
  h: number;
}

export const COLUMNS = 24;
export const LEAST = 2;
const TALLEST = 60;

const over = (a: Box, b: Box) =>
  a.id !== b.id && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** Keeps a box on the grid. */
export function onGrid<T extends Box>(b: T): T {
  const w = Math.min(COLUMNS, Math.max(LEAST, Math.round(b.w)));
  const h = Math.min(TALLEST, Math.max(LEAST, Math.round(b.h)));
  const x = Math.min(COLUMNS - w, Math.max(0, Math.round(b.x)));
  return { ...b, w, h, x, y: Math.max(0, Math.round(b.y)) };
}

/** Puts one box where it is wanted, moves what lies under it down, and closes gaps above the others. */
export function arrange<T extends Box>(boxes: readonly T[], wanted: T): T[] {
  const mine = onGrid(wanted);
  const rest = boxes.filter((b) => b.id !== mine.id).sort((a, b) => a.y - b.y || a.x - b.x);
  const done: T[] = [mine];
  for (const b of rest) {
    let y = b.y;
    // Up as far as nothing is in the way, then down until it is free.
    while (y > 0 && !done.some((d) => over({ ...b, y: y - 1 }, d)) && !done.some((d) => over({ ...b, y }, d))) y--;
    for (let hit = true; hit; ) {
      hit = false;
      for (const d of done)
        if (over({ ...b, y }, d)) {
          y = d.y + d.h;
          hit = true;
        }
    }
    done.push({ ...b, y });
  }
  const at = new Map(done.map((b) => [b.id, b]));
  return boxes.some((b) => b.id === mine.id)
    ? boxes.map((b) => at.get(b.id) as T)
    : [...boxes.map((b) => at.get(b.id) as T), mine];
}

/** The first row below everything. */
export const bottom = (boxes: readonly Box[]) => boxes.reduce((m, b) => Math.max(m, b.y + b.h), 0);
