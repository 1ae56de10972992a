import type { UseQueryResult } from '@tanstack/react-query';
import { ErrorState } from '@/ui/ErrorState';
import { Panel } from '@/ui/Panel';

/** A panel whose request failed and that has nothing old to show. */
export function Broken({ title, query }: { title: string; query: UseQueryResult<unknown> }) {
  return (
    <Panel title={title}>
      <ErrorState what={title} error={query.error} retry={() => void query.refetch()} small />
    </Panel>
  );
}
