import { MultiSelect } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useItemNames } from '@/lib/names';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { Panel } from '@/ui/Panel';
import { Pill, StatusMark } from '@/ui/StatusMark';
import { kindTitle } from './list';
import { dependenciesQuery, impactQuery, type Reached, simulateQuery } from './queries';
import { ItemLink } from './side';

/** Items below the one by which they were reached, with how deep they stand. */
export function asTree(items: readonly Reached[]): { item: Reached; depth: number }[] {
  const below = new Map<string, Reached[]>();
  const known = new Set(items.map((i) => i.name));
  for (const i of items) {
    let at = i.path.length - 2;
    while (at > 0 && !known.has(i.path[at] ?? '')) at--;
    const parent = at > 0 ? (i.path[at] ?? '') : '';
    below.set(parent, [...(below.get(parent) ?? []), i]);
  }
  const out: { item: Reached; depth: number }[] = [];
  const seen = new Set<string>();
  const add = (parent: string, depth: number) => {
    for (const item of below.get(parent) ?? []) {
      if (seen.has(item.name)) continue;
      seen.add(item.name);
      out.push({ item, depth });
      add(item.name, depth + 1);
    }
  };
  add('', 0);
  return out;
}

function Outcome({ r, up }: { r: Reached; up: boolean }) {
  const group = r.redundancy && <span className="muted"> {r.redundancy}</span>;
  if (r.outcome === 'stops')
    return (
      <>
        <Pill tone="down">{up ? 'it stops too' : 'stops'}</Pill>
        {group}
      </>
    );
  if (r.outcome === 'degraded')
    return (
      <>
        <Pill tone="warn">degraded</Pill>
        {group}
      </>
    );
  if (r.outcome === 'still_works' || (up && r.redundancy))
    return (
      <>
        <Pill tone="ok">still works</Pill>
        {group}
      </>
    );
  return <span className="muted">{up ? 'still works' : ''}</span>;
}

export function Reach({ name, kind }: { name: string; kind: 'impact' | 'dependencies' }) {
  const up = kind === 'dependencies';
  const [also, setAlso] = useState<string[]>([]);
  const [typed, setTyped] = useState('');
  const [asked] = useDebouncedValue(typed, 150);
  const names = useItemNames(asked).filter((n) => n !== name);
  const one = useQuery({ ...(up ? dependenciesQuery(name) : impactQuery(name)), enabled: also.length === 0 });
  const more = useQuery({ ...simulateQuery([name, ...also]), enabled: also.length > 0 });
  const query = also.length ? more : one;
  return (
    <>
      {!up && (
        <MultiSelect
          label="Stop these as well"
          placeholder={also.length ? undefined : 'Other items, to see what happens if they fail together'}
          searchable
          clearable
          data={[...new Set([...also, ...names])]}
          value={also}
          onChange={setAlso}
          searchValue={typed}
          onSearchChange={setTyped}
          nothingFoundMessage="No item of that name"
          maxValues={20}
        />
      )}
      <Loaded query={query} what="The relations">
        {(r) =>
          r.items.length ? (
            <Panel
              title={
                up ? `${name} needs these` : `If ${[name, ...also].join(' and ')} ${also.length ? 'stop' : 'stops'}`
              }
              note={`${r.items.length}${r.truncated ? ' nearest' : ''}`}
              flush
            >
              <table className="plain">
                <thead>
                  <tr>
                    <th>Item</th>
                    <th style={{ width: 210 }}>{up ? 'If it stops alone' : 'What happens'}</th>
                    <th style={{ width: 110 }}>State now</th>
                    <th>Why</th>
                  </tr>
                </thead>
                <tbody>
                  {asTree(r.items).map(({ item: x, depth }) => (
                    <tr key={x.name}>
                      <td style={{ paddingLeft: 12 + Math.min(depth, 8) * 16 }}>
                        <span style={{ display: 'inline-flex', gap: 6 }}>
                          <ItemLink name={x.name} />
                          <span className="muted">{kindTitle(x.kind)}</span>
                        </span>
                      </td>
                      <td>
                        <Outcome r={x} up={up} />
                      </td>
                      <td>{x.state ? <StatusMark state={x.state} /> : <span className="muted">not watched</span>}</td>
                      <td className="muted">{x.why}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Panel>
          ) : (
            <EmptyState
              title={up ? 'It needs nothing' : 'Nothing depends on it'}
              hint="Add relations on the right to say otherwise."
            />
          )
        }
      </Loaded>
    </>
  );
}
