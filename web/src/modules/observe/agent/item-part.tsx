import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Problem } from '@/api/problems';
import { Panel } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { agentQuery } from './queries';

/** The agent on an item; nothing when it has none. */
export default function ItemAgent({ item }: { item: string }) {
  const query = useQuery({
    ...agentQuery(item),
    retry: false,
    refetchInterval: (q) => (q.state.error ? false : 15_000),
  });
  if (query.error && !(query.error instanceof Problem && query.error.status === 404)) throw query.error;
  const a = query.data;
  if (!a) return null;
  return (
    <Panel title="Agent">
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: '4px 16px', alignItems: 'center' }}>
        <StatusMark state={a.state} />
        <Link to={`/estate/agents/${encodeURIComponent(a.name)}` as string}>{a.name}</Link>
        <span className="muted">version {a.version}</span>
        {a.last_seen_at && (
          <span className="muted">
            heard <Time at={a.last_seen_at} />
          </span>
        )}
      </div>
    </Panel>
  );
}
