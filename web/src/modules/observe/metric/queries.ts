import { queryOptions } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import type { Line } from './model';

export type Metric = Schemas['Metric'];
export type MetricDetail = Schemas['MetricDetail'];
export type Mistake = Schemas['MetricMistake'];

/** The most series that one query shows. */
export const MAX_SERIES = 200;

/** An answer of the query API: lines, and what the server remarked. */
export interface Answer {
  lines: Line[];
  notes: string[];
  more: boolean;
  /** Milliseconds until it was here. */
  took: number;
}

interface Body {
  data?: { resultType: string; result: unknown };
  error?: string;
  warnings?: string[];
  infos?: string[];
}

type Found = { metric: Record<string, string>; values?: [number, string][]; value?: [number, string] };

async function ask(path: string, form: Record<string, string>, letter: string, signal: AbortSignal): Promise<Answer> {
  const began = performance.now();
  let res: Response;
  try {
    res = await fetch(`/prometheus/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, limit: String(MAX_SERIES) }),
      signal,
      credentials: 'same-origin',
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new Error('Mainstay did not answer. Check the connection.');
  }
  const body = (await res.json().catch(() => ({}))) as Body;
  if (!res.ok) throw new Error(sentence(body.error));
  const number = (v: string) => (Number.isFinite(Number(v)) ? Number(v) : null);
  let found: Found[];
  if (body.data?.resultType === 'scalar') found = [{ metric: {}, value: body.data.result as [number, string] }];
  else if (Array.isArray(body.data?.result) && body.data.resultType !== 'string') found = body.data.result as Found[];
  else throw new Error('The answer is a text, not numbers.');
  const notes = [...(body.warnings ?? []), ...(body.infos ?? [])];
  const cut = 'results truncated due to limit';
  return {
    lines: found.map((f) => {
      const points = f.values ?? (f.value ? [f.value] : []);
      return { letter, labels: f.metric, x: points.map(([t]) => t), y: points.map(([, v]) => number(v)) };
    }),
    notes: notes.filter((n) => n !== cut),
    more: notes.includes(cut),
    took: performance.now() - began,
  };
}

/** The words of the query engine as a sentence. */
export function sentence(error: string | undefined): string {
  if (!error) return 'The metric store did not answer.';
  const text = error.replace(/^invalid parameter "query": /, '').replace(/^(\d+:\d+: )?parse error: /, '');
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

export interface Span {
  from: number;
  to: number;
}

export const rangeQuery = (letter: string, query: string, s: Span, step: number, enabled: boolean) =>
  queryOptions({
    queryKey: ['metrics', 'range', letter, query, s.from, s.to, step],
    queryFn: ({ signal }) =>
      ask('query_range', { query, start: String(s.from), end: String(s.to), step: String(step) }, letter, signal),
    enabled: enabled && query.trim() !== '',
    retry: false,
    placeholderData: (old) => old,
    staleTime: 60_000,
  });

export const instantQuery = (letter: string, query: string, at: number, enabled: boolean) =>
  queryOptions({
    queryKey: ['metrics', 'instant', letter, query, at],
    queryFn: ({ signal }) => ask('query', { query, time: String(at) }, letter, signal),
    enabled: enabled && query.trim() !== '',
    retry: false,
    placeholderData: (old) => old,
    staleTime: 60_000,
  });

export const metricsQuery = (q: string, limit: number) =>
  queryOptions({
    queryKey: ['metrics', 'names', q, limit],
    queryFn: ({ signal }) => call(http.GET('/api/v1/metrics', { params: { query: { q, limit } }, signal })),
    placeholderData: (old) => old,
    staleTime: 15_000,
  });

export const metricQuery = (name: string) =>
  queryOptions({
    queryKey: ['metrics', 'one', name],
    queryFn: ({ signal }) => call(http.GET('/api/v1/metrics/{name}', { params: { path: { name } }, signal })),
    staleTime: 15_000,
    retry: false,
  });

export const labelsQuery = (match: string | undefined, q: string) =>
  queryOptions({
    queryKey: ['metrics', 'labels', match, q],
    queryFn: ({ signal }) => call(http.GET('/api/v1/metric-labels', { params: { query: { match, q } }, signal })),
    placeholderData: (old) => old,
    staleTime: 15_000,
    retry: false,
  });

export const labelValuesQuery = (name: string, match: string | undefined, q: string) =>
  queryOptions({
    queryKey: ['metrics', 'values', name, match, q],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/metric-labels/{name}/values', { params: { path: { name }, query: { match, q } }, signal }),
      ),
    placeholderData: (old) => old,
    staleTime: 15_000,
    retry: false,
  });

export const functionsQuery = queryOptions({
  queryKey: ['metrics', 'functions'],
  queryFn: ({ signal }) => call(http.GET('/api/v1/metric-functions', { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

export const checkQuery = (query: string) =>
  queryOptions({
    queryKey: ['metrics', 'check', query],
    queryFn: ({ signal }) => call(http.GET('/api/v1/metric-queries/check', { params: { query: { query } }, signal })),
    enabled: query.trim() !== '',
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

/** Deployments and incidents of a range, to be marked on graphs. */
export interface Mark {
  at: number;
  kind: 'incident' | 'deployment';
  text: string;
  to: string;
}

export async function marksOf(s: Span, may: (p: string) => boolean, signal: AbortSignal): Promise<Mark[]> {
  const out: Mark[] = [];
  if (may('incident.read')) {
    const page = await call(http.GET('/api/v1/incidents', { params: { query: { limit: 200 } }, signal }));
    for (const i of page.items)
      out.push({
        at: Date.parse(i.impact_started_at) / 1000,
        kind: 'incident',
        text: `Incident ${i.number}: ${i.title}`,
        to: `/respond/incidents/${i.number}`,
      });
  }
  if (may('trace.read')) {
    const page = await call(
      http.GET('/api/v1/deployments', {
        params: { query: { start: new Date(s.from * 1000).toISOString(), end: new Date(s.to * 1000).toISOString() } },
        signal,
      }),
    );
    for (const d of page.items)
      out.push({
        at: Date.parse(d.first_seen) / 1000,
        kind: 'deployment',
        text: `${d.service} ${d.version}`,
        to: `/observe/services/${encodeURIComponent(d.service)}`,
      });
  }
  return out.filter((m) => m.at >= s.from && m.at <= s.to).sort((a, b) => a.at - b.at);
}
