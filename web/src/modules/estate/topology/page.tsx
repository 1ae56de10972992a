import { Autocomplete, Button, SegmentedControl, Select } from '@mantine/core';
import { IconDownload, IconPrinter, IconTable, IconTopologyStar3, IconX } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { percent } from '@/lib/format';
import { useLive, useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { StatusMark } from '@/ui/StatusMark';
import { Ageing } from './ageing';
import { Canvas, useLayout } from './canvas';
import { evidenceText, LinkRows, Proposals, speed } from './connections';
import { svg } from './draw';
import {
  type Asked,
  checksQuery,
  type Grouping,
  type Layer,
  linksQuery,
  type MapNode,
  mapQuery,
  states,
  type TopologyMap,
} from './queries';
import { groupId, readPins, sceneOf, writePins } from './scene';
import classes from './topology.module.css';

export const Route = createLazyRoute('/estate/topology')({ component: Page });

interface Search extends Asked {
  q?: string;
  node?: string;
  view?: 'table';
  pins?: string;
}

/** A map with more nodes than this starts with its groups closed. */
const CLOSE_ABOVE = 800;

function Page() {
  const [s, set] = useUrlState<Search>();
  const asked: Asked = { layer: s.layer, group: s.group, site: s.site, root: s.root };
  const query = useQuery(mapQuery(asked));
  useLiveQuery('topology', ['topology', 'map']);
  useStates(asked);
  const sites = [...new Set(query.data?.nodes.map((n) => n.site).filter((x) => x !== undefined))].sort();
  if (s.site && !sites.includes(s.site)) sites.push(s.site);
  return (
    <>
      <PageHead title="Topology">
        <Spacer />
        <Button
          className="noprint"
          variant="default"
          leftSection={s.view ? <IconTopologyStar3 size={14} /> : <IconTable size={14} />}
          onClick={() => set({ view: s.view ? undefined : 'table' })}
        >
          {s.view ? 'Map' : 'Table'}
        </Button>
        <Ageing />
      </PageHead>
      <Toolbar>
        <SegmentedControl
          size="xs"
          aria-label="Layer"
          value={s.layer ?? '2'}
          onChange={(v) => set({ layer: v === '2' ? undefined : (v as Layer), node: undefined, pins: undefined })}
          data={[
            { value: '2', label: 'Links' },
            { value: '3', label: 'Subnets' },
            { value: 'service', label: 'Services' },
          ]}
        />
        <Select
          size="xs"
          w={140}
          aria-label="Group by"
          placeholder="No groups"
          clearable
          value={s.group ?? null}
          onChange={(v) => set({ group: (v as Grouping) ?? undefined, pins: undefined })}
          data={[
            { value: 'site', label: 'By site' },
            { value: 'subnet', label: 'By subnet' },
            { value: 'role', label: 'By role' },
            { value: 'kind', label: 'By kind' },
          ]}
        />
        {sites.length > 0 && (
          <Select
            size="xs"
            w={150}
            aria-label="Site"
            placeholder="All sites"
            clearable
            searchable
            value={s.site ?? null}
            onChange={(v) => set({ site: v ?? undefined })}
            data={sites}
          />
        )}
        {s.root && (
          <Button
            size="compact-sm"
            variant="default"
            rightSection={<IconX size={12} />}
            onClick={() => set({ root: undefined })}
          >
            Near {s.root}
          </Button>
        )}
        <Finder nodes={query.data?.nodes ?? []} onFind={(n) => set({ node: n.id, view: undefined })} />
      </Toolbar>
      <Loaded query={query} what="The map" rows={12}>
        {(map) =>
          map.nodes.length === 0 ? (
            <EmptyState
              icon={IconTopologyStar3}
              title="Nothing is connected yet"
              hint={
                s.layer === 'service'
                  ? 'Relations of items make this map. Add them on the page of an item.'
                  : 'Links and subnets come from devices that discovery reads by SNMP, and from agents on hosts.'
              }
            />
          ) : s.view ? (
            <Table map={map} />
          ) : (
            <MapView map={map} s={s} set={set} viewKey={JSON.stringify(asked)} />
          )
        }
      </Loaded>
    </>
  );
}

/** Keeps the states on the map right: it gathers the notes of half a second and asks for those items. */
function useStates(asked: Asked) {
  const client = useQueryClient();
  const waiting = useRef(new Set<string>());
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const key = mapQuery(asked).queryKey;
  useLive('items', (n) => {
    if (n.kind !== 'state') return;
    waiting.current.add(n.id);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const names = [...waiting.current].slice(0, 200);
      for (const x of names) waiting.current.delete(x);
      void states(names).then(
        (list) => {
          const fresh = new Map(list.map((x) => [x.name, x.state]));
          client.setQueryData<TopologyMap>(
            key,
            (old) =>
              old && {
                ...old,
                nodes: old.nodes.map((x) => (fresh.has(x.name) ? { ...x, state: fresh.get(x.name) } : x)),
              },
          );
        },
        () => undefined,
      ); // The next reading of the map repairs what was missed.
    }, 500);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}

function Finder({ nodes, onFind }: { nodes: MapNode[]; onFind: (n: MapNode) => void }) {
  const [text, setText] = useState('');
  const found = useMemo(() => {
    const t = text.toLowerCase();
    return t ? nodes.filter((n) => `${n.name} ${n.title ?? ''}`.toLowerCase().includes(t)).slice(0, 20) : [];
  }, [nodes, text]);
  const go = (name: string) => {
    const n = nodes.find((x) => x.name === name) ?? found[0];
    if (n) onFind(n);
  };
  return (
    <Autocomplete
      size="xs"
      w={220}
      aria-label="Find a node"
      placeholder="Find a node"
      value={text}
      onChange={setText}
      data={[...new Set(found.map((n) => n.name))]}
      filter={({ options }) => options}
      onOptionSubmit={go}
      onKeyDown={(e) => {
        if (e.key === 'Enter') go(text);
      }}
    />
  );
}

function MapView({
  map,
  s,
  set,
  viewKey,
}: {
  map: TopologyMap;
  s: Search;
  set: (p: Partial<Search>) => void;
  viewKey: string;
}) {
  const navigate = useNavigate();
  const groups = useMemo(
    () => [...new Set(map.nodes.map((n) => n.group).filter((g) => g !== undefined && g !== ''))] as string[],
    [map],
  );
  const [closed, setClosed] = useState<{ key: string; set: ReadonlySet<string> }>({ key: '', set: new Set() });
  const shut = useMemo(
    () => (closed.key === viewKey ? closed.set : new Set(map.nodes.length > CLOSE_ABOVE ? groups : [])),
    [closed, viewKey, groups, map.nodes.length],
  );
  const scene = useMemo(() => sceneOf(map, shut), [map, shut]);
  const layered = map.layer === 'service' && !s.group;
  const key = `${viewKey} ${[...shut].sort().join('|')}`;
  const laid = useLayout(scene, layered, key);
  const pins = useMemo(() => readPins(s.pins), [s.pins]);
  const [fly, setFly] = useState<{ id: string; n: number }>();
  const selected = s.node;
  const node = map.nodes.find((n) => n.id === selected);
  const toggle = (g: string) => {
    const next = new Set(shut);
    if (!next.delete(g)) next.add(g);
    setClosed({ key: viewKey, set: next });
  };
  const flown = useRef<string>(undefined);
  useEffect(() => {
    if (!selected || flown.current === selected || !laid) return;
    // A node that is inside a closed group opens it first.
    if (node?.group && shut.has(node.group)) {
      const next = new Set(shut);
      next.delete(node.group);
      setClosed({ key: viewKey, set: next });
      return;
    }
    if (laid.scene.index.has(selected)) {
      flown.current = selected;
      setFly((f) => ({ id: selected, n: (f?.n ?? 0) + 1 }));
    }
  }, [selected, node, shut, laid, viewKey]);
  const [paper, setPaper] = useState('');
  useEffect(() => {
    if (paper) print();
  }, [paper]);
  const picture = () => (laid ? svg(laid.scene, laid.xy) : '');
  return (
    <>
      {map.cut && <div className={classes.cut}>{map.cut}</div>}
      <Toolbar label="Map">
        <span className="muted" data-testid="map-size">
          {map.nodes.length.toLocaleString('en-US')} nodes, {map.edges.length.toLocaleString('en-US')} connections
        </span>
        {groups.length > 0 && (
          <>
            <Button size="compact-xs" variant="default" onClick={() => setClosed({ key: viewKey, set: new Set() })}>
              Open all groups
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              onClick={() => setClosed({ key: viewKey, set: new Set(groups) })}
            >
              Close all groups
            </Button>
          </>
        )}
        {s.pins && (
          <Button size="compact-xs" variant="default" onClick={() => set({ pins: undefined })}>
            Release pins
          </Button>
        )}
        <Spacer />
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<IconDownload size={12} />}
          onClick={() => {
            const a = document.createElement('a');
            a.href = URL.createObjectURL(new Blob([picture()], { type: 'image/svg+xml' }));
            a.download = 'topology.svg';
            a.click();
            URL.revokeObjectURL(a.href);
          }}
        >
          SVG
        </Button>
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<IconPrinter size={12} />}
          onClick={() => setPaper(`${picture()}<!--${Date.now()}-->`)}
        >
          Print
        </Button>
      </Toolbar>
      <div className={classes.body} data-side={node ? true : undefined} data-layout-ms={laid?.ms}>
        {laid ? (
          <Canvas
            scene={laid.scene}
            xy={laid.xy}
            layered={layered}
            selected={selected}
            pins={pins}
            fitKey={laid.key}
            fly={fly}
            onSelect={(id) => {
              if (id?.startsWith('group:')) return toggle(id.slice(6));
              flown.current = id;
              set({ node: id });
            }}
            onPin={(id, at) => set({ pins: writePins({ ...pins, [id]: at }) })}
            onOpen={(id) => {
              const n = map.nodes.find((x) => x.id === id);
              if (n && n.kind !== 'subnet' && n.kind !== 'unknown')
                void navigate({ to: `/estate/items/${encodeURIComponent(n.name)}` as string });
            }}
          />
        ) : (
          <div className={classes.box} />
        )}
        {node && (
          <Side
            key={node.id}
            node={node}
            map={map}
            onClose={() => set({ node: undefined })}
            onNear={() => set({ root: node.name })}
            onGroup={
              node.group && laid?.scene.index.has(node.id) && !laid.scene.index.has(groupId(node.group))
                ? () => toggle(node.group ?? '')
                : undefined
            }
          />
        )}
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: our own picture, names are escaped */}
        {paper && <div className={classes.paper} dangerouslySetInnerHTML={{ __html: paper }} />}
      </div>
    </>
  );
}

function Side({
  node,
  map,
  onClose,
  onNear,
  onGroup,
}: {
  node: MapNode;
  map: TopologyMap;
  onClose: () => void;
  onNear: () => void;
  onGroup?: () => void;
}) {
  const item = node.kind !== 'subnet' && node.kind !== 'unknown';
  const names = new Map(map.nodes.map((n) => [n.id, n.name]));
  const edges = map.edges.filter((e) => e.from === node.id || e.to === node.id);
  return (
    <aside className={classes.side} aria-label={node.name}>
      <div className={classes.title}>
        {node.state && <StatusMark state={node.state} />}
        <h2>
          {item ? <Link to={`/estate/items/${encodeURIComponent(node.name)}` as string}>{node.name}</Link> : node.name}
        </h2>
        <Button size="compact-xs" variant="subtle" aria-label="Close" onClick={onClose}>
          <IconX size={14} />
        </Button>
      </div>
      <div className="muted">
        {[node.title, node.kind.replace('_', ' '), node.role, node.site, node.kind === 'subnet' ? '' : node.subnet]
          .filter(Boolean)
          .join(' · ')}
      </div>
      <Button.Group>
        {item && (
          <Button size="compact-xs" variant="default" onClick={onNear}>
            Show only what is near
          </Button>
        )}
        {onGroup && (
          <Button size="compact-xs" variant="default" onClick={onGroup}>
            Close its group
          </Button>
        )}
      </Button.Group>
      {item ? (
        <ItemParts name={node.name} />
      ) : (
        <ul className={classes.list}>
          {edges.map((e) => (
            <li key={e.id}>
              {names.get(e.from === node.id ? e.to : e.from)} <span className="mono">{e.from_port}</span>
              {(e.evidence ?? []).map((v) => (
                <div key={v.protocol} className="muted">
                  {percent(e.confidence)} sure. {evidenceText(v, 'b')}
                </div>
              ))}
            </li>
          ))}
        </ul>
      )}
    </aside>
  );
}

function ItemParts({ name }: { name: string }) {
  const checks = useQuery(checksQuery(name)).data?.items ?? [];
  const links = useQuery(linksQuery(name));
  return (
    <>
      {checks.length > 0 && (
        <ul className={classes.list} aria-label="Checks">
          {checks.map((c) => (
            <li key={c.name}>
              <StatusMark state={c.state} />{' '}
              <Link to={`/observe/checks/${encodeURIComponent(c.name)}` as string}>{c.name}</Link>
            </li>
          ))}
        </ul>
      )}
      <Proposals item={name} />
      <Loaded query={links} what="The links" small rows={3}>
        {(l) =>
          l.items.length ? <LinkRows item={name} links={l.items} /> : <span className="muted">No link is known.</span>
        }
      </Loaded>
    </>
  );
}

const PAGE = 500;

function Table({ map }: { map: TopologyMap }) {
  const names = useMemo(() => new Map(map.nodes.map((n) => [n.id, n])), [map]);
  const [many, setMany] = useState(PAGE);
  const end = (id: string) => {
    const n = names.get(id);
    if (!n) return id;
    return n.kind === 'subnet' || n.kind === 'unknown' ? (
      n.name
    ) : (
      <Link to={`/estate/items/${encodeURIComponent(n.name)}` as string}>{n.name}</Link>
    );
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
    <section className={classes.table} tabIndex={0} aria-label="Connections">
      <table className="plain">
        <thead>
          <tr>
            <th>From</th>
            <th>Port</th>
            <th>To</th>
            <th>Port</th>
            <th className="wide">Kind</th>
            <th className="wide">Evidence</th>
            <th>Sure</th>
            <th className="wide">Speed</th>
          </tr>
        </thead>
        <tbody>
          {map.edges.slice(0, many).map((e) => (
            <tr key={e.id}>
              <td>{end(e.from)}</td>
              <td className="mono">{e.from_port}</td>
              <td>{end(e.to)}</td>
              <td className="mono">{e.to_port}</td>
              <td className="wide">
                {e.kind.replace('_', ' ')}
                {e.stale ? ', stale' : ''}
                {e.state === 'down' ? ', down' : ''}
              </td>
              <td className="wide muted">{(e.evidence ?? []).map((v) => v.protocol.toUpperCase()).join(', ')}</td>
              <td>{percent(e.confidence)}</td>
              <td className="wide">{speed(e.speed_bps)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {map.edges.length > many && (
        <Button m={12} variant="default" onClick={() => setMany(many + PAGE)}>
          Show {Math.min(PAGE, map.edges.length - many)} more of {map.edges.length}
        </Button>
      )}
    </section>
  );
}
