import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, http } from '@/api/client';
import { Loaded } from '@/ui/Loading';
import classes from './capture.module.css';
import { bytesOf, joined, kindOf, type TreeNode, testOf } from './model';

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
            <div className={classes.tree}>
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
            </div>
            <div className={classes.bytes}>
              <div className={classes.acts}>
                <code>{test ?? 'Choose a field'}</code>
                <Button size="compact-xs" variant="default" disabled={!test} onClick={() => test && p.apply(test)}>
                  Filter
                </Button>
                <Button
                  size="compact-xs"
                  variant="default"
                  disabled={!test}
                  onClick={() => test && p.apply(joined(p.filter, 'and', test))}
                >
                  and
                </Button>
                <Button
                  size="compact-xs"
                  variant="default"
                  disabled={!test}
                  onClick={() => test && p.apply(joined(p.filter, 'and not', test))}
                >
                  and not
                </Button>
              </div>
              {source && <Hex data={bytesOf(source.data)} from={mark?.node.start ?? 0} to={mark?.node.end ?? 0} />}
            </div>
          </div>
        );
      }}
    </Loaded>
  );
}

function Tree(p: { nodes: TreeNode[]; mark?: Mark; choose: (n: TreeNode) => void; depth: number }) {
  return (
    <ul className={classes.nodes}>
      {p.nodes.map((n, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: fields of a packet never move
        <li key={i}>
          <button
            type="button"
            aria-pressed={p.mark?.node === n}
            title={n.name}
            style={{ paddingLeft: 8 + p.depth * 14 }}
            onClick={() => p.choose(n)}
          >
            {n.label}
            {n.value ? (
              <span className="mono">{` ${n.value.length > 120 ? `${n.value.slice(0, 120)}…` : n.value}`}</span>
            ) : null}
            {n.meaning ? <span className="muted">{` (${n.meaning})`}</span> : null}
          </button>
          {n.fields && <Tree nodes={n.fields} mark={p.mark} choose={p.choose} depth={p.depth + 1} />}
        </li>
      ))}
    </ul>
  );
}

/** Bytes as hexadecimal digits and text, 16 in a line. */
function Hex({ data, from, to }: { data: Uint8Array; from: number; to: number }) {
  const shown = data.subarray(0, 4096);
  const lines: number[] = [];
  for (let i = 0; i < shown.length; i += 16) lines.push(i);
  const cell = (at: number, what: string) => (
    <span key={at} className={at >= from && at < to ? classes.marked : undefined}>
      {what}
    </span>
  );
  return (
    <pre className={classes.hex}>
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
