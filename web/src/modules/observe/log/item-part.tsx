import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Skeleton } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Clock, LevelMark } from './lines';
import classes from './logs.module.css';
import { filterFor, keyOf } from './model';
import { fetchRows } from './queries';

/** The last lines of an item, of one day. */
export default function ItemLogs({ item }: { item: string }) {
  const [errors, setErrors] = useState(false);
  const filter = filterFor('item', item) + (errors ? ' level:in(error,critical,alert,emergency)' : '');
  const query = useQuery({
    queryKey: ['logs', 'item', item, errors],
    queryFn: ({ signal }) => fetchRows({ query: filter, start: '24h', end: 'now' }, 100, signal),
    refetchInterval: 15_000,
    retry: false,
  });
  const all = `/observe/logs?${new URLSearchParams({ q: filter, from: '-24h' })}`;
  return (
    <PageBody label="Logs">
      <Panel
        title="Last lines"
        note="of one day"
        flush
        tools={
          <span className={classes.itemTools}>
            <label>
              <input type="checkbox" checked={errors} onChange={(e) => setErrors(e.currentTarget.checked)} /> Only
              errors
            </label>
            <Link to={all as string}>Open in Logs</Link>
          </span>
        }
      >
        {query.error ? (
          <ErrorState what="The lines" error={query.error} retry={() => void query.refetch()} small />
        ) : !query.data ? (
          <Skeleton rows={8} height={24} />
        ) : query.data.length === 0 ? (
          <EmptyState
            small
            title={errors ? 'No errors in one day' : 'No lines in one day'}
            hint={errors ? undefined : 'Lines are found by the name, the addresses and the machine id of the item.'}
          />
        ) : (
          <ol className={classes.itemLines}>
            {query.data.map((r, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be the same
              <li key={`${keyOf(r)} ${i}`}>
                <Clock time={r._time ?? ''} full />
                <LevelMark level={r.level ?? ''} />
                <span className={classes.text}>{r._msg}</span>
              </li>
            ))}
          </ol>
        )}
      </Panel>
    </PageBody>
  );
}
