/** The data of one chart, outside of React: times in seconds and one array of values for each series. */
export class ChartData {
  x: number[] = [];
  y: (number | null)[][];
  private subs = new Set<() => void>();
  private due = false;

  /** `keep` is how many points stay when new ones are pushed. */
  constructor(
    series: number,
    private keep = 2000,
  ) {
    this.y = Array.from({ length: series }, () => []);
  }

  /** Replaces everything. */
  set(x: number[], y: (number | null)[][]): void {
    this.x = x;
    this.y = y;
    this.tell();
  }

  /** Adds one point to all series; a time that is not later than the last is left out. */
  push(t: number, values: (number | null)[]): void {
    const last = this.x.at(-1);
    if (last !== undefined && t <= last) return;
    this.x.push(t);
    for (let i = 0; i < this.y.length; i++) this.y[i]?.push(values[i] ?? null);
    if (this.x.length > this.keep) {
      const cut = this.x.length - this.keep;
      this.x.splice(0, cut);
      for (const s of this.y) s.splice(0, cut);
    }
    this.tell();
  }

  subscribe(fn: () => void): () => void {
    this.subs.add(fn);
    return () => void this.subs.delete(fn);
  }

  // Drawn once for each frame of the screen, however many points came.
  private tell(): void {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      for (const fn of this.subs) fn();
    });
  }
}
