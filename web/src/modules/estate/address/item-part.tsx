import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { listAddresses } from './queries';

/** The addresses of one item; nothing when it has none. */
export default function ItemAddresses({ item }: { item: string }) {
  const query = useQuery({
    queryKey: ['addresses', 'of', item],
    queryFn: ({ signal }) => listAddresses({ item }, undefined, 50, signal),
  });
  if (query.error) throw query.error;
  const list = query.data?.items ?? [];
  if (!list.length) return null;
  return (
    <Panel title="Addresses" note={`${list.length}${query.data?.next ? ' first' : ''}`} flush>
      <table className="plain">
        <tbody>
          {list.map((a) => (
            <tr key={a.id}>
              <td className="mono">
                <Link to={`/estate/addresses?q=${encodeURIComponent(a.address)}` as string}>{a.address}</Link>
              </td>
              <td style={{ overflowWrap: 'anywhere' }}>{a.dns_name}</td>
              <td className="muted">{a.conflict ? 'several items have it' : a.status}</td>
              <td style={{ width: 90, textAlign: 'right' }}>{a.last_seen && <Time at={a.last_seen} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
