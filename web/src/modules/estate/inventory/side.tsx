import { Button, Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconX } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useItemNames } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { Loaded } from '@/ui/Loading';
import { SideSection } from '@/ui/PageHead';
import { KeyValue } from '@/ui/Panel';
import { Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { failed } from '@/ui/toast';
import { kindTitle } from './list';
import { addRelation, type Item, relationsQuery, relationTypesQuery, removeRelation, waits } from './queries';
import { Redundancy } from './redundancy';

export function ItemLink({ name }: { name: string }) {
  return <Link to={`/estate/items/${encodeURIComponent(name)}` as string}>{name}</Link>;
}

const IMPACT: Record<string, string> = {
  stops_it: 'If the other one stops, this item is affected.',
  is_stopped_by_it: 'If this item stops, the other one is affected.',
};

export function Side({ item }: { item: Item }) {
  const labels = Object.entries(item.labels ?? {});
  return (
    <>
      <SideSection title="Item">
        <KeyValue
          rows={[
            ['Title', item.title !== item.name ? item.title : undefined],
            ['Kind', kindTitle(item.kind)],
            ['Owner', item.owner],
            ['Criticality', kindTitle(item.criticality)],
            ['Lifecycle', kindTitle(item.lifecycle)],
            ['Labels', labels.length ? labels.map(([k, v]) => <Tag key={k}>{v ? `${k}=${v}` : k}</Tag>) : undefined],
            ['Added', <Time key="c" at={item.created_at} />],
            ['Changed', <Time key="u" at={item.updated_at} />],
            [
              'Report',
              <Link key="r" to={`/report/availability?item=${encodeURIComponent(item.name)}` as string}>
                Availability
              </Link>,
            ],
          ]}
        />
      </SideSection>
      <Relations item={item} />
      <Redundancy item={item} />
    </>
  );
}

function Relations({ item }: { item: Item }) {
  const query = useQuery(relationsQuery(item.name));
  const types = useQuery(relationTypesQuery).data?.items ?? [];
  const client = useQueryClient();
  const may = useCan()('item.write');
  const [type, setType] = useState('depends_on');
  const [other, setOther] = useState<string | null>(null);
  const [typed, setTyped] = useState('');
  const [asked] = useDebouncedValue(typed, 150);
  const names = useItemNames(asked).filter((n) => n !== item.name);
  const again = () => void client.invalidateQueries({ queryKey: ['item', item.name] });
  return (
    <SideSection title="Relations">
      <Loaded query={query} what="The relations" small rows={2}>
        {(list) => (
          <div style={{ display: 'flex', flexDirection: 'column', gap: 4 }}>
            {list.items.length === 0 && <span className="muted">None yet.</span>}
            {list.items.map((r) => (
              <div key={`${r.type} ${r.item.name}`} style={{ display: 'flex', gap: 6, alignItems: 'center' }}>
                <span className="muted">{r.says || kindTitle(r.type)}</span>
                <ItemLink name={r.item.name} />
                <span style={{ flex: 1 }} />
                {r.impact !== 'none' && (
                  <span className="muted" title={IMPACT[r.impact]} style={{ fontSize: 11 }}>
                    {r.impact === 'stops_it' ? 'stops it' : 'stops with it'}
                  </span>
                )}
                {may && r.owned && (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    color="gray"
                    aria-label={`Remove: ${r.says} ${r.item.name}`}
                    onClick={() =>
                      removeRelation(item.name, r.type, r.item.name).then(
                        (a) => {
                          waits(a);
                          again();
                        },
                        (e) => failed('The relation', e),
                      )
                    }
                  >
                    <IconX size={12} />
                  </Button>
                )}
              </div>
            ))}
          </div>
        )}
      </Loaded>
      {may && (
        <div style={{ display: 'flex', flexDirection: 'column', gap: 6, marginTop: 8 }}>
          <Select
            aria-label="Kind of relation"
            data={types.map((t) => ({ value: t.name, label: t.title }))}
            value={type}
            allowDeselect={false}
            onChange={(t) => setType(t ?? 'depends_on')}
          />
          <Select
            aria-label="Other item"
            placeholder="Other item"
            searchable
            data={names}
            value={other}
            onSearchChange={setTyped}
            onChange={setOther}
            nothingFoundMessage="No item of that name"
          />
          <Button
            variant="default"
            disabled={!other}
            onClick={() =>
              other &&
              addRelation(item.name, type, other).then(
                (a) => {
                  waits(a);
                  setOther(null);
                  again();
                },
                (e) => failed('The relation', e),
              )
            }
          >
            Add relation
          </Button>
        </div>
      )}
    </SideSection>
  );
}
