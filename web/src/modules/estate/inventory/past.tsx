import { Button, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { KeyValue, Panel } from '@/ui/Panel';
import { Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { show } from './attributes';
import { kindTitle } from './list';
import { pastQuery } from './queries';
import { ItemLink } from './side';

type Entry = Schemas['InventoryEntry'];

/** Entries of one change together: one person, one moment. */
export function together(entries: readonly Entry[]): Entry[][] {
  const out: Entry[][] = [];
  for (const e of entries) {
    const last = out.at(-1)?.[0];
    if (last && last.at === e.at && last.actor === e.actor) out.at(-1)?.push(e);
    else out.push([e]);
  }
  return out;
}

/** A field of the history in words. */
export function fieldTitle(field: string): string {
  const [group = '', ...rest] = field.split('.');
  const key = rest.join('.');
  if (group === 'attributes') return kindTitle(key);
  if (group === 'labels') return `Label ${key}`;
  if (group === 'sources') return `Source of ${key}`;
  if (group === 'item') return 'The item';
  return kindTitle(field);
}

function Value({ field, v }: { field: string; v: unknown }) {
  if (field === 'redundancy' && Array.isArray(v))
    return (
      <>
        {v
          .map((g: { name: string; need?: number; of: string[] }) => `${g.name}: ${g.need ?? 1} of ${g.of.join(', ')}`)
          .join('; ')}
      </>
    );
  return <>{show(field, v) ?? '–'}</>;
}

export function History({ name }: { name: string }) {
  const query = useInfiniteQuery({
    queryKey: ['item', name, 'history', 'pages'],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      call(
        http.GET('/api/v1/items/{name}/history', {
          params: { path: { name }, query: { limit: 100, cursor: pageParam || undefined } },
          signal,
        }),
      ),
    getNextPageParam: (p) => p.next,
  });
  return (
    <Loaded query={query} what="The history">
      {(data) => (
        <>
          <Panel title="Changes" flush>
            <table className="plain">
              <thead>
                <tr>
                  <th style={{ width: 150 }}>What</th>
                  <th>Before</th>
                  <th>After</th>
                </tr>
              </thead>
              {together(data.pages.flatMap((p) => p.items)).map((es) => (
                <tbody key={es[0]?.id}>
                  <tr>
                    <th colSpan={3} style={{ fontWeight: 500 }}>
                      {es[0] && <Time at={es[0].at} />} <span className="muted">by</span> {es[0]?.actor}
                    </th>
                  </tr>
                  {es.map((e) => (
                    <tr key={e.id}>
                      <td>{fieldTitle(e.field)}</td>
                      <td className="muted" style={{ overflowWrap: 'anywhere' }}>
                        <Value field={e.field} v={e.before} />
                      </td>
                      <td style={{ overflowWrap: 'anywhere' }}>
                        <Value field={e.field} v={e.after} />
                        {e.source && e.source !== 'manual' && <span className="muted"> {e.source}</span>}
                      </td>
                    </tr>
                  ))}
                </tbody>
              ))}
            </table>
          </Panel>
          {query.hasNextPage && (
            <Button
              variant="default"
              loading={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
              style={{ alignSelf: 'flex-start' }}
            >
              Show older changes
            </Button>
          )}
        </>
      )}
    </Loaded>
  );
}

/** The day to look at; empty for now. */
export function DayField({ value, onChange }: { value: string; onChange: (day: string | undefined) => void }) {
  return (
    <TextInput
      type="date"
      aria-label="Show it as it was at the end of this day"
      title="Show it as it was at the end of a day (UTC)"
      value={value}
      max={new Date().toISOString().slice(0, 10)}
      onChange={(e) => onChange(e.currentTarget.value || undefined)}
      leftSection="As of"
      leftSectionWidth={48}
      styles={{ section: { fontSize: 12 } }}
      w={180}
    />
  );
}

/** The item as it was. */
export function Past({ name, day, onNow }: { name: string; day: string; onNow: () => void }) {
  const query = useQuery({ ...pastQuery(name, day), retry: false });
  const now = (
    <Button variant="default" onClick={onNow}>
      Show it as it is now
    </Button>
  );
  if (query.error)
    return (
      <EmptyState title={`${name} was not there on ${day}`} hint="Take a later day, or look at the history.">
        {now}
      </EmptyState>
    );
  return (
    <Loaded query={query} what="The item" rows={8}>
      {(i) => (
        <div style={{ display: 'flex', flexDirection: 'column', gap: 12, padding: 12, overflow: 'auto' }}>
          <Panel title={`As it was at the end of ${day}`} note={i.gone_at ? 'it is gone today' : undefined} tools={now}>
            <KeyValue
              rows={[
                ['Name', i.name],
                ['Title', i.title || undefined],
                ['Kind', kindTitle(i.kind)],
                ['Owner', i.owner || undefined],
                ['Criticality', kindTitle(i.criticality)],
                ['Lifecycle', kindTitle(i.lifecycle)],
                [
                  'Labels',
                  Object.keys(i.labels ?? {}).length
                    ? Object.entries(i.labels).map(([k, v]) => <Tag key={k}>{v ? `${k}=${v}` : k}</Tag>)
                    : undefined,
                ],
                ['Description', i.description || undefined],
              ]}
            />
          </Panel>
          <Panel title="Attributes" flush>
            <table className="plain">
              <tbody>
                {Object.keys(i.attributes ?? {}).length === 0 && (
                  <tr>
                    <td className="muted">It had none.</td>
                  </tr>
                )}
                {Object.entries(i.attributes ?? {})
                  .sort(([a], [b]) => a.localeCompare(b))
                  .map(([k, v]) => (
                    <tr key={k}>
                      <td style={{ width: 190 }}>{kindTitle(k)}</td>
                      <td style={{ overflowWrap: 'anywhere' }}>{show(k, v)}</td>
                      <td style={{ width: 110, textAlign: 'right' }} className="muted">
                        {i.attribute_sources?.[k]}
                      </td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </Panel>
          <Panel title="Relations" flush>
            <table className="plain">
              <tbody>
                {(i.relations ?? []).length === 0 && (
                  <tr>
                    <td className="muted">It had none.</td>
                  </tr>
                )}
                {(i.relations ?? []).map((r) => (
                  <tr key={`${r.type} ${r.item}`}>
                    <td style={{ width: 190 }} className="muted">
                      {kindTitle(r.type)}
                    </td>
                    <td>{r.item === '…' ? r.item : <ItemLink name={r.item} />}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Panel>
        </div>
      )}
    </Loaded>
  );
}
