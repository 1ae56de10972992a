import { Link } from '@tanstack/react-router';
import { type Column, DataGrid } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { type Rows, useRows } from '@/ui/rows';
import { Pill, Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { type Address, dnsText } from './model';
import { type AddressFilters, listAddresses } from './queries';

const WORDS = { active: 'Active', reserved: 'Reserved', dhcp: 'DHCP', deprecated: 'Deprecated' };

const owners = (r: Address) =>
  r.claims?.length ? (
    <span>
      {[...new Set(r.claims.map((c) => c.item))].map((n, i) => (
        <span key={n}>
          {i > 0 && ', '}
          <Link to={`/estate/items/${encodeURIComponent(n)}` as string} tabIndex={-1}>
            {n}
          </Link>
        </span>
      ))}
    </span>
  ) : (
    <span className="muted">–</span>
  );

const COLUMNS: Column<Address>[] = [
  {
    id: 'address',
    label: 'Address',
    min: 170,
    main: true,
    render: (r) => (
      <span style={{ display: 'inline-flex', gap: 8, alignItems: 'center' }}>
        <span className="mono">{r.address}</span>
        {r.vrf && <Tag>{r.vrf}</Tag>}
        {r.conflict && <Pill tone="down">Conflict</Pill>}
        {r.shared && <Pill>Shared</Pill>}
      </span>
    ),
  },
  { id: 'status', label: 'Status', width: 92, render: (r) => WORDS[r.status] ?? r.status },
  { id: 'items', label: 'Items', min: 130, render: owners },
  {
    id: 'name',
    label: 'DNS name',
    min: 150,
    mono: true,
    render: (r) => <span>{r.dns_name || r.dns.found || '–'}</span>,
  },
  {
    id: 'dns',
    label: 'DNS',
    width: 150,
    render: (r) => <Pill tone={dnsText(r.dns.state).tone}>{dnsText(r.dns.state).text}</Pill>,
  },
  { id: 'description', label: 'Description', min: 120, render: (r) => <span className="muted">{r.description}</span> },
  {
    id: 'seen',
    label: 'Last seen',
    width: 92,
    right: true,
    render: (r) => (r.last_seen ? <Time at={r.last_seen} /> : <span className="muted">Never</span>),
  },
];
const card = (r: Address) => (
  <>
    <span className="mono" style={{ color: 'var(--tx-0)' }}>
      {r.address}
    </span>
    {r.conflict ? <Pill tone="down">Conflict</Pill> : <span>{WORDS[r.status] ?? r.status}</span>}
    {owners(r)}
    <span className="muted mono">{r.dns_name || r.dns.found}</span>
  </>
);
export const idOf = (r: Address) => r.id;

/** The grid of addresses, for rows that the page has. */
export function AddressGrid({
  rows,
  onEdit,
  empty,
}: {
  rows: Rows<Address>;
  onEdit: (a: Address) => void;
  empty: React.ReactElement;
}) {
  return <DataGrid label="Addresses" columns={COLUMNS} rows={rows} card={card} onOpen={onEdit} empty={empty} />;
}

/** The addresses of one prefix. */
export function AddressTable({ prefix, onEdit }: { prefix: string; onEdit: (a: Address) => void }) {
  const f: AddressFilters = { prefix };
  const rows = useRows<Address>({
    queryKey: ['addresses', 'list', f],
    fetchPage: ({ cursor, limit }, signal) => listAddresses(f, cursor, limit, signal),
    idOf,
  });
  return (
    <div style={{ display: 'flex', flexDirection: 'column', height: 'min(420px, 60vh)' }}>
      <AddressGrid
        rows={rows}
        onEdit={onEdit}
        empty={<EmptyState small title="No address is known here" hint="Take one, or wait for discovery." />}
      />
    </div>
  );
}
