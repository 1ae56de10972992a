import { Skeleton as Bar } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { ErrorState } from './ErrorState';

/** True after 200 ms, so that a fast answer shows no skeleton at all. */
export function useDelayed(ms = 200): boolean {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const t = setTimeout(() => setDue(true), ms);
    return () => clearTimeout(t);
  }, [ms]);
  return due;
}

const WIDTHS = [88, 72, 94, 64, 80];

/** Grey lines in the height of the rows that will come. */
export function Skeleton({ rows = 6, height = 28 }: { rows?: number; height?: number }) {
  const due = useDelayed();
  return (
    <div aria-busy="true" style={{ padding: '4px 12px', minHeight: rows * height }}>
      <span className="vh">Loading</span>
      {due &&
        WIDTHS.concat(WIDTHS, WIDTHS, WIDTHS)
          .slice(0, rows)
          .map((w, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the lines never move
            <div key={i} style={{ height, display: 'flex', alignItems: 'center' }}>
              <Bar height={10} width={`${w}%`} radius="xs" />
            </div>
          ))}
    </div>
  );
}

/**
 * The states of one query: skeleton at the first load, an error in place, or the content. Old data stay on screen while
 * new ones are read.
 */
export function Loaded<T>({
  query,
  what,
  rows,
  small,
  children,
}: {
  query: UseQueryResult<T>;
  what: string;
  rows?: number;
  small?: boolean;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError)
    return <ErrorState what={what} error={query.error} retry={() => void query.refetch()} small={small} />;
  return <Skeleton rows={rows} />;
}
