import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import { useCan } from '@/lib/permissions';

/** Where to capture: on the server, or on an edge. Without edges there is nothing to choose. */
export function From({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const can = useCan();
  const edges = useQuery({
    queryKey: ['edges', 'names'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/edges', { params: { query: { limit: 200 } }, signal })),
    enabled: can('edge.read'),
  });
  const names = (edges.data?.items ?? []).filter((e) => e.state !== 'revoked').map((e) => e.name);
  if (!names.length) return null;
  return (
    <Select
      aria-label="Where to capture"
      w={150}
      allowDeselect={false}
      data={[{ value: '', label: 'This server' }, ...names]}
      value={value}
      onChange={(v) => onChange(v ?? '')}
    />
  );
}
