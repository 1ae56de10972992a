import { Button } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Panel, Stat, Stats } from '@/ui/Panel';
import { StatusMark, words } from '@/ui/StatusMark';
import { countsQuery, suggestionsQuery } from './queries';

/** The next step while nothing is watched and nothing was found either. */
export function Begin() {
  const counts = useQuery(countsQuery);
  const found = useQuery(suggestionsQuery);
  const may = useCan()('check.write');
  if (!counts.data || found.isPending || found.data?.items.length) return null;
  if (Object.values(counts.data).some((n) => n > 0)) return null;
  return (
    <Panel>
      <EmptyState
        icon={IconActivity}
        title="Nothing is watched yet"
        hint="Add a check to something you run, or apply an ops.yaml."
        small
      >
        {may && (
          <Button component={Link} to={'/observe/checks/new' as string}>
            Add a check
          </Button>
        )}
      </EmptyState>
    </Panel>
  );
}

const STATES = ['critical', 'warning', 'unknown', 'unreachable', 'pending', 'ok'] as const;

/** How many checks are in each state, each leading to them. */
export function Counts() {
  const query = useQuery(countsQuery);
  useLiveQuery('checks', ['checks', 'counts']);
  const c = (query.data ?? {}) as Record<string, number>;
  if (query.isError && !query.data)
    return <ErrorState what="The checks" error={query.error} retry={() => void query.refetch()} small />;
  return (
    <Stats>
      {STATES.map((s) => (
        <Stat
          key={s}
          label={words(s)}
          value={query.data ? integer(c[s] ?? 0) : '–'}
          mark={<StatusMark state={s} label={false} />}
          to={`/observe/checks?state=${encodeURIComponent(JSON.stringify([s]))}`}
        />
      ))}
    </Stats>
  );
}
