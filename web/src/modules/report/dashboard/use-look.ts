import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { resolveRange } from '@/lib/range';
import type { Look } from './grid';
import { chosen, readValues } from './model';
import type { Source, Spec } from './queries';

export interface Search {
  from?: string;
  to?: string;
  refresh?: string;
  var?: string[];
  wall?: boolean;
  edit?: boolean;
}

export const REFRESH = [
  { value: 'off', label: 'Off', ms: 0 },
  { value: '10s', label: '10 s', ms: 10_000 },
  { value: '30s', label: '30 s', ms: 30_000 },
  { value: '1m', label: '1 min', ms: 60_000 },
  { value: '5m', label: '5 min', ms: 300_000 },
];

const ms = (s: string | undefined): number => {
  const m = /^(\d+)([smh])$/.exec(s ?? '');
  return m ? Number(m[1]) * ({ s: 1000, m: 60_000, h: 3_600_000 }[m[2] as 's' | 'm' | 'h'] as number) : 0;
};

/** What a dashboard looks at: the time, the choices and how often, from the URL and the dashboard. */
export function useLook(
  spec: Pick<Spec, 'name' | 'range' | 'refresh' | 'variables'>,
  s: Search,
  set: (p: Partial<Search>) => void,
  source: Source,
  links: boolean,
) {
  const fallback = `-${spec.range || '6h'}`;
  const every = s.refresh === 'off' ? 0 : ms(s.refresh ?? spec.refresh);
  const [now, setNow] = useState(() => Date.now());
  const live = resolveRange(s, now, fallback).live;
  useEffect(() => {
    if (!every || !live) return;
    const t = setInterval(() => document.visibilityState === 'visible' && setNow(Date.now()), every);
    return () => clearInterval(t);
  }, [every, live]);
  const ask = useMemo(() => {
    const r = resolveRange({ from: s.from, to: s.to }, now, fallback);
    return { from: r.from.toISOString(), to: r.to.toISOString() };
  }, [s.from, s.to, now, fallback]);
  const variables = useMemo(() => spec.variables ?? [], [spec.variables]);
  const url = useMemo(() => readValues(s.var), [s.var]);
  const first = useMemo(() => chosen(variables, url, undefined), [variables, url]);
  const options = useQuery({
    queryKey: ['dashboard-options', source.key, variables, first, ask],
    enabled: variables.length > 0,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => source.options(variables, { ...ask, values: first }, signal),
  });
  const ready = !variables.length || options.data !== undefined;
  const values = useMemo(
    () => (ready ? chosen(variables, url, options.data) : undefined),
    [ready, variables, url, options.data],
  );
  const look: Look = {
    source,
    variables,
    ask,
    values,
    links,
    onZoom: (from, to) => set({ from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString() }),
  };
  return { look, options: options.data, error: options.error, fallback, reload: () => setNow(Date.now()) };
}
