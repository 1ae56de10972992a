import { ActionIcon } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { Problem } from '@/api/problems';
import { Skeleton } from '@/ui/Loading';
import { Body } from './body';
import classes from './dashboard.module.css';
import { arrange, COLUMNS, onGrid } from './layout';
import type { Ask, Panel, Source, Values, Variable } from './queries';

const ROW = 38; // 30 pixels and a gap of 8

export interface Look {
  source: Source;
  variables: Variable[];
  /** The time asked for; undefined while choices are on their way. */
  ask: Omit<Ask, 'points' | 'values'>;
  values: Values | undefined;
  links: boolean;
  onZoom: (from: number, to: number) => void;
}

/** All panels of a dashboard on their grid. With onChange they can be moved, sized, changed and removed. */
export function Grid({
  panels,
  look,
  onChange,
  onEdit,
}: {
  panels: Panel[];
  look: Look;
  onChange?: (p: Panel[]) => void;
  onEdit?: (p: Panel) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [moving, setMoving] = useState<{ id: string; panels: Panel[] }>();
  const shown = [...(moving?.panels ?? panels)].sort((a, b) => a.y - b.y || a.x - b.x);
  const edit = !!onChange;

  const begin = (e: PointerEvent, p: Panel, how: 'move' | 'size') => {
    if (!edit || !box.current || e.button !== 0 || (e.target as HTMLElement).closest('button')) return;
    e.preventDefault();
    const target = e.currentTarget as HTMLElement;
    target.setPointerCapture(e.pointerId);
    const cell = box.current.clientWidth / COLUMNS;
    const at = { x: e.clientX, y: e.clientY };
    let last = panels;
    const go = (m: globalThis.PointerEvent) => {
      const dx = (m.clientX - at.x) / cell;
      const dy = (m.clientY - at.y) / ROW;
      const next = how === 'move' ? { ...p, x: p.x + dx, y: p.y + dy } : { ...p, w: p.w + dx, h: p.h + dy };
      last = arrange(panels, onGrid(next));
      setMoving({ id: p.id, panels: last });
    };
    const end = (m: globalThis.PointerEvent) => {
      target.removeEventListener('pointermove', go);
      target.removeEventListener('pointerup', end);
      target.removeEventListener('pointercancel', end);
      setMoving(undefined);
      if (m.type === 'pointerup' && last !== panels) onChange?.(last);
    };
    target.addEventListener('pointermove', go);
    target.addEventListener('pointerup', end);
    target.addEventListener('pointercancel', end);
  };

  const key = (e: KeyboardEvent, p: Panel) => {
    if (!onChange || e.target !== e.currentTarget) return;
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (by) {
      const [dx = 0, dy = 0] = by;
      e.preventDefault();
      onChange(arrange(panels, e.shiftKey ? { ...p, w: p.w + dx, h: p.h + dy } : { ...p, x: p.x + dx, y: p.y + dy }));
    } else if (e.key === 'Enter') {
      e.preventDefault();
      onEdit?.(p);
    } else if (e.key === 'Delete') {
      e.preventDefault();
      onChange(panels.filter((x) => x.id !== p.id));
    }
  };

  return (
    <div ref={box} className={classes.grid}>
      {shown.map((p) => (
        <div
          key={p.id}
          role="group"
          className={classes.panel}
          data-edit={edit}
          data-moving={moving?.id === p.id}
          data-bare={p.kind === 'text' && !edit}
          aria-label={p.title || 'Panel'}
          aria-description={
            edit ? 'Arrow keys move it, with Shift they size it, Enter changes it, Delete removes it.' : undefined
          }
          tabIndex={edit ? 0 : undefined}
          onKeyDown={(e) => key(e, p)}
          style={{
            gridColumn: `${p.x + 1} / span ${p.w}`,
            gridRow: `${p.y + 1} / span ${p.h}`,
            minHeight: p.h * ROW - 8,
          }}
        >
          <PanelBox panel={p} look={look} onPointerDown={edit ? (e) => begin(e, p, 'move') : undefined}>
            {edit && (
              <>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={22}
                  aria-label={`Change ${p.title || 'the panel'}`}
                  onClick={() => onEdit?.(p)}
                >
                  <IconPencil size={13} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={22}
                  aria-label={`Remove ${p.title || 'the panel'}`}
                  onClick={() => onChange?.(panels.filter((x) => x.id !== p.id))}
                >
                  <IconTrash size={13} />
                </ActionIcon>
              </>
            )}
          </PanelBox>
          {edit && <span className={classes.size} onPointerDown={(e) => begin(e, p, 'size')} aria-hidden />}
        </div>
      ))}
    </div>
  );
}

/** One panel with its heading: asks when it comes into sight, and shows what went wrong in its place. */
export function PanelBox({
  panel,
  look,
  onPointerDown,
  children,
}: {
  panel: Panel;
  look: Look;
  onPointerDown?: (e: PointerEvent) => void;
  children?: React.ReactNode;
}) {
  const ref = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const el = ref.current;
    if (!el) return;
    const io = new IntersectionObserver(([e]) => e?.isIntersecting && setSeen(true), { rootMargin: '200px' });
    io.observe(el);
    return () => io.disconnect();
  }, []);
  // The place does not count: moving a panel asks nothing.
  const { x: _x, y: _y, h: _h, w, title: _t, description: _d, ...what } = panel;
  const points = w > 12 ? 400 : 200;
  const asked = useMemo(() => ({ ...look.ask, points, values: look.values }), [look.ask, look.values, points]);
  const query = useQuery({
    queryKey: ['panel', look.source.key, what, asked],
    enabled: seen && !!look.values && panel.kind !== 'text',
    retry: (n, e) => n < 2 && !(e instanceof Problem && e.status < 500),
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => look.source.panel(panel, look.variables, asked, signal),
  });
  const height = panel.h * ROW - 8 - 30 - 10;
  const data = query.data;
  return (
    <>
      {(panel.title || onPointerDown) && (
        <div className={classes.head} onPointerDown={onPointerDown}>
          <h2 title={panel.description || panel.title}>{panel.title || <span className="muted">no title</span>}</h2>
          {data?.note && <span className={classes.note}>{data.note}</span>}
          {children}
        </div>
      )}
      <div ref={ref} className={classes.inner} style={panel.title || onPointerDown ? undefined : { paddingTop: 8 }}>
        {panel.kind === 'text' ? (
          <Body panel={panel} data={{ from: '', to: '', step_seconds: 1 }} height={height} links={look.links} />
        ) : query.error ? (
          <div className={classes.wrong} role="alert">
            {query.error instanceof Error ? query.error.message : 'No answer.'}
          </div>
        ) : data ? (
          <Body panel={panel} data={data} height={height} links={look.links} onZoom={look.onZoom} />
        ) : (
          <Skeleton rows={3} />
        )}
      </div>
    </>
  );
}
