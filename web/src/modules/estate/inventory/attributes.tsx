import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { bytes } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { Loaded } from '@/ui/Loading';
import { Panel } from '@/ui/Panel';
import { Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { kindTitle } from './list';
import { type Attribute, attributesQuery, type Item, setAttribute, waits } from './queries';
import { ItemLink } from './side';

/** Whether two values say the same; the order of a list does not matter. */
function same(a: unknown, b: unknown): boolean {
  const text = (v: unknown) => JSON.stringify(Array.isArray(v) ? v.map((x) => JSON.stringify(x)).sort() : v);
  return text(a) === text(b);
}

/** Writes a value for people; undefined for none. */
export function show(key: string, v: unknown): ReactNode {
  if (v === null || v === undefined || v === '') return undefined;
  if (typeof v === 'number' && key.endsWith('_bytes')) return bytes(v);
  if (typeof v === 'boolean') return v ? 'Yes' : 'No';
  if (Array.isArray(v) && v.every((x) => typeof x !== 'object')) return v.join(', ');
  if (Array.isArray(v))
    return v.map((x) => (
      <div key={JSON.stringify(x)} className="mono">
        {Object.entries(x as Record<string, unknown>)
          .map(([k, y]) =>
            k.endsWith('_bytes') && typeof y === 'number' ? bytes(y) : Array.isArray(y) ? y.join(', ') : String(y),
          )
          .filter(Boolean)
          .join('  ')}
      </div>
    ));
  if (typeof v === 'object')
    return Object.entries(v as Record<string, unknown>)
      .map(([k, y]) => `${k}: ${Array.isArray(y) ? y.join(', ') : String(y)}`)
      .join(', ');
  if (typeof v === 'string' && /^\d{4}-\d\d-\d\dT/.test(v)) return <Time at={v} />;
  return String(v);
}

function typed(a: Attribute): ReactNode {
  if (a.type === 'item' && typeof a.value === 'string') return <ItemLink name={a.value} />;
  if (a.type === 'url' && typeof a.value === 'string' && /^https?:/.test(a.value))
    return (
      <a href={a.value} target="_blank" rel="noreferrer">
        {a.value}
      </a>
    );
  const text = show(a.key, a.value);
  return a.unit && text !== undefined ? (
    <>
      {text} {a.unit}
    </>
  ) : (
    text
  );
}

export function Attributes({ item }: { item: Item }) {
  const query = useQuery(attributesQuery(item.name));
  return (
    <Loaded query={query} what="The attributes" small rows={3}>
      {(list) => {
        const declared = list.items.filter((a) => a.kind);
        const free = list.items.filter((a) => !a.kind && show(a.key, a.value) !== undefined);
        return (
          <>
            {declared.length > 0 && <Table title="Attributes" item={item} rows={declared} />}
            {free.length > 0 && (
              <Table title={declared.length ? 'Other attributes' : 'Attributes'} item={item} rows={free} />
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function Table({ title, item, rows }: { title: string; item: Item; rows: Attribute[] }) {
  return (
    <Panel title={title} flush>
      <table className="plain">
        <tbody>
          {rows.map((a) => (
            <Line key={a.key} item={item} a={a} />
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Line({ item, a }: { item: Item; a: Attribute }) {
  const client = useQueryClient();
  const may = useCan()('item.write');
  const discovered = a.others.some((o) => !o.problem && o.source !== 'default');
  const value = typed(a);
  return (
    <tr>
      <td style={{ width: 190 }} title={a.description}>
        {a.title || kindTitle(a.key)}
      </td>
      <td style={{ overflowWrap: 'anywhere' }}>
        {value ??
          (a.missing ? <Tag>{a.required ? 'required, missing' : 'missing'}</Tag> : <span className="muted">–</span>)}
        {a.others
          .filter((o) => o.problem || !same(o.value, a.value))
          .map((o) => (
            <div key={o.source} className="muted" style={{ fontSize: 12 }}>
              {o.source} says {show(a.key, o.value)}
              {a.unit ? ` ${a.unit}` : ''}
              {o.problem ? `, which ${o.problem}` : ''} (<Time at={o.seen_at} />)
            </div>
          ))}
      </td>
      <td style={{ width: 150, textAlign: 'right', whiteSpace: 'nowrap' }} className="muted">
        {a.source}
        {a.seen_at && (
          <>
            {', '}
            <Time at={a.source === 'manual' ? (a.changed_at ?? a.seen_at) : a.seen_at} />
          </>
        )}
        {may && a.source === 'manual' && discovered && (
          <div>
            <Button
              size="compact-xs"
              variant="default"
              onClick={() =>
                setAttribute(item.name, a.key, null).then(
                  (i) => {
                    void client.invalidateQueries({ queryKey: ['item', item.name] });
                    if (!waits(i)) done(`${a.title || kindTitle(a.key)} has the discovered value again.`);
                  },
                  (e) => failed('The attribute', e),
                )
              }
            >
              Use discovered
            </Button>
          </div>
        )}
      </td>
    </tr>
  );
}
