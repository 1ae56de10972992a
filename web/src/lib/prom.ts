/** One series of a range query. Times in seconds. */
export interface Line {
  labels: Record<string, string>;
  x: number[];
  y: (number | null)[];
}

interface PromAnswer {
  data?: { result?: { metric: Record<string, string>; values: [number, string][] }[] };
}

/** A range query in PromQL. Times in seconds. */
export async function range(
  query: string,
  from: number,
  to: number,
  step: number,
  signal: AbortSignal,
): Promise<Line[]> {
  const p = new URLSearchParams({ query, start: String(from), end: String(to), step: String(step) });
  const res = await fetch(`/prometheus/api/v1/query_range?${p}`, { signal });
  if (!res.ok) throw new Error('The metric store did not answer.');
  const body = (await res.json()) as PromAnswer;
  return (body.data?.result ?? []).map((r) => ({
    labels: r.metric,
    x: r.values.map(([t]) => t),
    y: r.values.map(([, v]) => (Number.isFinite(Number(v)) ? Number(v) : null)),
  }));
}

/** Writes a text as a PromQL string. */
export const quoted = (s: string) => JSON.stringify(s);
