import { Button } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { Loaded } from '@/ui/Loading';
import classes from './capture.module.css';
import { bytesOf, fieldAt, joined, kindOf, type TreeNode, testOf } from './model';

interface Mark {
  node: TreeNode;
  source: number;
}

/** The fields of a packet and its bytes; the bytes of the chosen field are marked. */
export function PacketPane(p: { id: string; number: number; filter: string; apply: (filter: string) => void }) {
  const [mark, setMark] = useState<Mark>();
  const q = useQuery({
    queryKey: ['packet', p.id, p.number],
    queryFn: ({ signal }) =>
      call(
        http.GET('/api/v1/captures/{id}/packets/{number}', {
          params: { path: { id: p.id, number: p.number } },
          signal,
        }),
      ),
  });
  return (
    <Loaded query={q} what={`Packet ${p.number}`}>
      {(d) => {
        const source = d.sources[mark?.source ?? 0] ?? d.sources[0];
        const test = mark && testOf(mark.node, kindOf(mark.node.value));
        return (
          <div className={classes.packet}>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
            <section className={classes.tree} aria-label="Fields" tabIndex={0}>
              {d.explain.map((f) => (
                <p key={f.kind + (f.detail ?? '')} className={classes[f.severity]}>
                  {`${f.severity}: ${f.title}. ${f.detail ?? ''}`}
                </p>
              ))}
              <Tree
                nodes={d.tree}
                mark={mark}
                choose={(node) => setMark({ node, source: node.source ?? 0 })}
                depth={0}
              />
            </section>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
            <section className={classes.bytes} aria-label="Bytes" tabIndex={0}>
              <div className={classes.acts}>
                <code>{test ?? 'Choose a field'}</code>
                <Button size="compact-sm" variant="default" disabled={!test} onClick={() => test && p.apply(test)}>
                  Filter
                </Button>
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={!test}
                  onClick={() => test && p.apply(joined(p.filter, 'and', test))}
                >
                  and
                </Button>
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={!test}
                  onClick={() => test && p.apply(joined(p.filter, 'and not', test))}
                >
                  and not
                </Button>
              </div>
              {source && (
                <Hex
                  data={bytesOf(source.data)}
                  from={mark?.node.start ?? 0}
                  to={mark?.node.end ?? 0}
                  choose={(at) => {
                    const node = fieldAt(d.tree, at, mark?.source ?? 0);
                    if (node) setMark({ node, source: mark?.source ?? 0 });
                  }}
                />
              )}
            </section>
          </div>
        );
      }}
    </Loaded>
  );
}

/** Protocols open and close; those above the last two begin closed, as people look at them least. */
function Tree(p: { nodes: TreeNode[]; mark?: Mark; choose: (n: TreeNode) => void; depth: number }) {
  const [flipped, setFlipped] = useState<ReadonlySet<number>>(new Set());
  const holds = (n: TreeNode): boolean => n === p.mark?.node || !!n.fields?.some(holds);
  return (
    <ul className={classes.nodes}>
      {p.nodes.map((n, i) => {
        const first = p.depth > 0 || i >= p.nodes.length - 2;
        const open = first !== flipped.has(i) || (!!p.mark && n !== p.mark.node && holds(n));
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: fields of a packet never move
          <li key={i}>
            <div className={classes.node} style={{ paddingLeft: p.depth * 14 }}>
              {n.fields?.length ? (
                <button
                  type="button"
                  className={classes.fold}
                  aria-expanded={open}
                  aria-label={`${open ? 'Close' : 'Open'} ${n.label}`}
                  onClick={() =>
                    setFlipped((old) => {
                      const next = new Set(old);
                      if (!next.delete(i)) next.add(i);
                      return next;
                    })
                  }
                >
                  {open ? <IconChevronDown size={12} /> : <IconChevronRight size={12} />}
                </button>
              ) : (
                <span className={classes.fold} />
              )}
              <button
                type="button"
                className={classes.field}
                aria-pressed={p.mark?.node === n}
                title={n.name}
                onClick={() => p.choose(n)}
              >
                {n.label}
                {n.value ? (
                  <span className="mono">{` ${n.value.length > 120 ? `${n.value.slice(0, 120)}…` : n.value}`}</span>
                ) : null}
                {n.meaning ? <span className={classes.meaning}>{` (${n.meaning})`}</span> : null}
              </button>
            </div>
            {open && n.fields && <Tree nodes={n.fields} mark={p.mark} choose={p.choose} depth={p.depth + 1} />}
          </li>
        );
      })}
    </ul>
  );
}

/** Bytes as hexadecimal digits and text, 16 in a line. A click on one chooses the field that it belongs to. */
function Hex({ data, from, to, choose }: { data: Uint8Array; from: number; to: number; choose: (at: number) => void }) {
  const shown = data.subarray(0, 4096);
  const lines: number[] = [];
  for (let i = 0; i < shown.length; i += 16) lines.push(i);
  const cell = (at: number, what: string) => (
    <span key={at} data-at={at} className={at >= from && at < to ? classes.marked : undefined}>
      {what}
    </span>
  );
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: fields are chosen by keyboard in the tree
    <pre
      className={classes.hex}
      onClick={(e) => {
        const at = (e.target as HTMLElement).closest<HTMLElement>('[data-at]')?.dataset.at;
        if (at) choose(Number(at));
      }}
    >
      {lines.map((l) => {
        const row = Array.from(shown.subarray(l, l + 16));
        return (
          <div key={l}>
            <span className="muted">{l.toString(16).padStart(4, '0')} </span>
            {row.map((b, i) => cell(l + i, ` ${b.toString(16).padStart(2, '0')}`))}
            {'   '.repeat(16 - row.length)}
            {'  '}
            {row.map((b, i) => cell(l + i, b >= 32 && b < 127 ? String.fromCharCode(b) : '.'))}
          </div>
        );
      })}
      {data.length > shown.length && <div className="muted">{`${data.length - shown.length} more bytes`}</div>}
    </pre>
  );
}
