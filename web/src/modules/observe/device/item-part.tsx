import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Problem } from '@/api/problems';
import { Panel } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { portState } from './model';
import { deviceQuery } from './queries';

/** The item as SNMP sees it; nothing when it is not polled. */
export default function ItemDevice({ item }: { item: string }) {
  const query = useQuery({
    ...deviceQuery(item),
    retry: false,
    refetchInterval: (q) => (q.state.error ? false : 15_000),
  });
  if (query.error && !(query.error instanceof Problem && query.error.status === 404)) throw query.error;
  const d = query.data;
  if (!d) return null;
  const down = d.interfaces.filter((p) => portState(p) === 'down').length;
  return (
    <Panel title="SNMP">
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: '4px 16px', alignItems: 'center' }}>
        <StatusMark state={d.state} />
        <Link to={`/observe/devices/${encodeURIComponent(item)}` as string}>
          {d.interfaces.length === 1 ? '1 interface' : `${d.interfaces.length} interfaces`}
        </Link>
        {down > 0 && <span className="muted">{down} down</span>}
        {d.polled_at && (
          <span className="muted">
            polled <Time at={d.polled_at} />
          </span>
        )}
      </div>
      {d.error && <div style={{ marginTop: 4 }}>{d.error}</div>}
    </Panel>
  );
}
