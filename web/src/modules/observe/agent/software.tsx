import { TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconPackages } from '@tabler/icons-react';
import { createLazyRoute, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { type Fact, listFacts } from './queries';

export const Route = createLazyRoute('/estate/software')({ component: Page });

const COLUMNS: Column<Fact>[] = [
  { id: 'name', label: 'Package', min: 180, main: true, render: (f) => f.name },
  { id: 'version', label: 'Version', min: 180, render: (f) => f.version },
  {
    id: 'host',
    label: 'Host',
    min: 200,
    render: (f) => <Link to={`/estate/agents/${encodeURIComponent(f.agent)}?tab=package` as string}>{f.agent}</Link>,
  },
  { id: 'first', label: 'Since', width: 120, right: true, render: (f) => <Time at={f.first_seen} /> },
  { id: 'last', label: 'Read', width: 120, right: true, render: (f) => <Time at={f.last_seen} /> },
];
const card = (f: Fact) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{f.name}</span>
    <Time at={f.first_seen} />
    <span className="muted">{f.version}</span>
    <span className="muted">{f.agent}</span>
  </>
);
const idOf = (f: Fact) => `${f.agent} ${f.key}`;

/** The packages of all hosts: which have one, and which have one that is too old. */
function Page() {
  const [s, set] = useUrlState<{ q?: string; name?: string; below?: string }>();
  const rows = useRows<Fact>({
    queryKey: ['software', s.q, s.name, s.below],
    fetchPage: ({ cursor, limit }, signal) =>
      listFacts({ kind: 'package', q: s.q, name: s.name, below: s.name ? s.below : undefined }, cursor, limit, signal),
    idOf,
  });
  const filtered = !!(s.q || s.name || s.below);
  return (
    <>
      <PageHead title="Software">
        <RowCount rows={rows} one="package" many="packages" />
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Part of the name"
          label="Find packages"
        />
        <Word label="Exactly this package" value={s.name} onChange={(name) => set({ name })} placeholder="openssl" />
        <Word
          label="Older than this version"
          value={s.below}
          onChange={(below) => set({ below })}
          placeholder="older than 3.0.11"
          disabled={!s.name}
        />
        <ClearFilters on={filtered} onClear={() => set({ q: undefined, name: undefined, below: undefined })} />
      </Toolbar>
      <DataGrid
        label="Packages"
        columns={COLUMNS}
        rows={rows}
        card={card}
        empty={
          filtered ? (
            <EmptyState icon={IconPackages} title="No host has such a package" hint="Change or clear the filters." />
          ) : (
            <EmptyState
              icon={IconPackages}
              title="No packages are known"
              hint="Hosts with an agent tell theirs. Add a host under Agents."
            />
          )
        }
      />
    </>
  );
}

function Word({
  label,
  value,
  onChange,
  placeholder,
  disabled,
}: {
  label: string;
  value: string | undefined;
  onChange: (v: string | undefined) => void;
  placeholder: string;
  disabled?: boolean;
}) {
  const [typed, setTyped] = useState<string>();
  const send = useDebouncedCallback((v: string) => {
    onChange(v.trim() || undefined);
    setTyped(undefined);
  }, 300);
  return (
    <TextInput
      size="xs"
      w={160}
      aria-label={label}
      placeholder={placeholder}
      disabled={disabled}
      value={typed ?? value ?? ''}
      onChange={(e) => {
        setTyped(e.currentTarget.value);
        send(e.currentTarget.value);
      }}
    />
  );
}
