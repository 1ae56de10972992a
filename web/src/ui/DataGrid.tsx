import { Button, Checkbox } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconRefresh } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { isTyping } from '@/lib/chords';
import { integer } from '@/lib/format';
import { ErrorState } from './ErrorState';
import { type Column, GridRow, leastWidth, template } from './GridRow';
import classes from './grid.module.css';
import { Skeleton } from './Loading';
import type { RowsView } from './rows';

export type { Column };

export interface Sort {
  by: string;
  desc: boolean;
}

export interface DataGridProps<T> {
  /** What the list is, for screen readers and errors: "Checks". */
  label: string;
  columns: readonly Column<T>[];
  rows: RowsView<T>;
  /** Enter, click on the row, or tap. */
  onOpen?: (row: T) => void;
  sort?: Sort;
  onSort?: (s: Sort) => void;
  /** Chosen ids; gives each row a checkbox and the key x. */
  selected?: ReadonlySet<string>;
  onSelect?: (ids: Set<string>) => void;
  /** Rows that are over and done fade. */
  faded?: (row: T) => boolean;
  /** A row as a card of two lines on a phone; without it the grid scrolls sideways. */
  card?: (row: T) => ReactNode;
  /** What to show when there is no row. */
  empty: ReactNode;
  /** More keys for the row under the cursor: { a: acknowledge }. */
  keys?: Record<string, (row: T) => void>;
}

const ROW = 28;
const CARD = 60;
const GHOSTS = 20;

/** A list of any length: rows are read as they come into sight, keys move a cursor, and nothing moves by itself. */
export function DataGrid<T>(p: DataGridProps<T>) {
  const { rows, columns } = p;
  const box = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState(-1);
  const anchor = useRef(-1);
  const phone = useMediaQuery('(max-width: 760px)') && !!p.card;
  const size = phone ? CARD : ROW;
  const selectable = !!p.selected && !phone;
  // While the end is unknown a few empty rows stand for what comes.
  const length = rows.total ?? rows.count + (rows.complete ? 0 : GHOSTS);
  const v = useVirtualizer({
    count: length,
    getScrollElement: () => box.current,
    estimateSize: () => size,
    overscan: 12,
    scrollPaddingStart: phone ? 0 : ROW,
    useFlushSync: false,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sizes are cached by the virtualizer
  useEffect(() => v.measure(), [size]);
  const items = v.getVirtualItems();
  const firstIndex = items[0]?.index ?? 0;
  const lastIndex = items.at(-1)?.index ?? 0;
  useEffect(() => rows.ensure(lastIndex, firstIndex), [rows.ensure, lastIndex, firstIndex]);

  const grid = useMemo(() => template(columns, selectable), [columns, selectable]);
  const least = leastWidth(columns, selectable);
  const row = (i: number) => (i < 0 ? undefined : rows.get(i));

  const move = (to: number) => {
    const n = Math.max(0, Math.min(length - 1, to));
    setCursor(n);
    v.scrollToIndex(n, { align: 'auto' });
  };
  const toggle = (i: number, range = false) => {
    if (!p.selected || !p.onSelect) return;
    const next = new Set(p.selected);
    const r = row(i);
    if (r === undefined) return;
    if (range && anchor.current >= 0) {
      const [a, b] = [Math.min(anchor.current, i), Math.max(anchor.current, i)];
      for (let k = a; k <= b; k++) {
        const x = row(k);
        if (x !== undefined) next.add(rows.idOf(x));
      }
    } else {
      const id = rows.idOf(r);
      if (!next.delete(id)) next.add(id);
    }
    anchor.current = i;
    p.onSelect(next);
  };

  const onKeyDown = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey || isTyping(e.nativeEvent)) return;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? 600) / size) - 2);
    const r = row(cursor);
    const keys: Record<string, () => void> = {
      j: () => move(cursor + 1),
      ArrowDown: () => move(cursor + 1),
      k: () => move(cursor - 1),
      ArrowUp: () => move(cursor - 1),
      PageDown: () => move(cursor + page),
      PageUp: () => move(cursor - page),
      Home: () => move(0),
      End: () => move(length - 1),
    };
    if (r !== undefined) {
      if (p.onOpen) keys.Enter = () => p.onOpen?.(r);
      if (p.selected) keys.x = () => toggle(cursor);
      for (const [k, fn] of Object.entries(p.keys ?? {})) keys[k] = () => fn(r);
    }
    if (p.selected?.size) keys.Escape = () => p.onSelect?.(new Set());
    const fn = keys[e.key];
    if (!fn) return;
    e.preventDefault();
    fn();
  };

  // j and k work as soon as the page is there, without a click into the list.
  useEffect(() => {
    const on = (e: globalThis.KeyboardEvent) => {
      if (e.defaultPrevented || isTyping(e) || !/^(j|k|ArrowDown|ArrowUp)$/.test(e.key)) return;
      const at = document.activeElement;
      if (at && at !== document.body && at.id !== 'main') return;
      e.preventDefault();
      box.current?.focus();
      setCursor((c) => Math.max(0, c));
    };
    window.addEventListener('keydown', on);
    return () => window.removeEventListener('keydown', on);
  }, []);

  const onClick = (e: MouseEvent) => {
    const t = e.target as HTMLElement;
    const el = t.closest<HTMLElement>('[data-index]');
    if (!el) return;
    const i = Number(el.dataset.index);
    setCursor(i);
    if (t.closest('[data-check]')) {
      // No preventDefault: the browser would put the box back after it was drawn as checked.
      toggle(i, e.shiftKey);
      return;
    }
    if (t.closest('a, button, input, label') || getSelection()?.toString()) return;
    const r = row(i);
    if (r !== undefined) p.onOpen?.(r);
  };

  if (rows.pending) return <Skeleton rows={16} height={size} />;
  if (rows.error && !rows.count) return <ErrorState what={p.label} error={rows.error} retry={rows.reload} />;

  const header = (
    <div role="row" aria-rowindex={1} className={classes.head} style={{ gridTemplateColumns: grid, minWidth: least }}>
      {selectable && (
        <div role="columnheader" className={classes.check}>
          <Checkbox
            tabIndex={-1}
            aria-label="Select all rows that are here"
            checked={!!p.selected?.size && p.selected.size >= rows.count}
            indeterminate={!!p.selected?.size && p.selected.size < rows.count}
            onChange={(e) => {
              const all = new Set<string>();
              for (let i = 0; e.currentTarget.checked && i < length; i++) {
                const r = row(i);
                if (r !== undefined) all.add(rows.idOf(r));
              }
              p.onSelect?.(all);
            }}
          />
        </div>
      )}
      {columns.map((c) => (
        <HeadCell key={c.id} column={c} sort={p.sort} onSort={p.onSort} />
      ))}
    </div>
  );

  return (
    <div className={classes.wrap}>
      <div
        ref={box}
        className={classes.scroll}
        role="grid"
        aria-label={p.label}
        aria-rowcount={rows.total === undefined ? -1 : rows.total + 1}
        aria-colcount={columns.length + (selectable ? 1 : 0)}
        aria-multiselectable={selectable || undefined}
        aria-busy={rows.busy}
        aria-activedescendant={row(cursor) !== undefined ? `row-${cursor}` : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onFocus={() => setCursor((c) => Math.max(0, c))}
        onClick={onClick}
      >
        {!phone && header}
        {length === 0 && !rows.busy ? (
          <div role="row" className={classes.empty}>
            <div role="gridcell">{p.empty}</div>
          </div>
        ) : (
          <div role="rowgroup" style={{ height: v.getTotalSize(), position: 'relative' }}>
            {items.map((it) => {
              const r = rows.get(it.index);
              return (
                <GridRow
                  key={it.key}
                  row={r}
                  index={it.index}
                  y={it.start}
                  height={size}
                  grid={grid}
                  least={least}
                  columns={columns}
                  card={phone ? p.card : undefined}
                  current={cursor === it.index}
                  checked={r !== undefined && selectable ? (p.selected?.has(rows.idOf(r)) ?? false) : undefined}
                  faded={r !== undefined && (p.faded?.(r) ?? false)}
                  openable={!!p.onOpen}
                />
              );
            })}
          </div>
        )}
      </div>
      <Notes rows={rows} />
    </div>
  );
}

function HeadCell<T>({ column: c, sort, onSort }: { column: Column<T>; sort?: Sort; onSort?: (s: Sort) => void }) {
  const on = sort?.by === c.id;
  const dir = on ? (sort.desc ? 'descending' : 'ascending') : undefined;
  return (
    <div role="columnheader" className={classes.th} data-right={c.right || undefined} aria-sort={dir}>
      {c.sortable && onSort ? (
        <button type="button" tabIndex={-1} onClick={() => onSort({ by: c.id, desc: on ? !sort.desc : false })}>
          {c.label}
          {on && <span aria-hidden="true">{sort.desc ? ' ↓' : ' ↑'}</span>}
        </button>
      ) : (
        c.label
      )}
    </div>
  );
}

/** What floats above the foot of the list: changes that would move rows, or a page that failed. */
function Notes<T>({ rows }: { rows: RowsView<T> }) {
  if (rows.error)
    return (
      <div className={classes.note} role="alert">
        More rows could not be read.
        <Button variant="default" size="compact-xs" onClick={rows.reload}>
          Try again
        </Button>
      </div>
    );
  if (!rows.stale) return null;
  return (
    <div className={classes.note} role="status">
      The list has changed.
      <Button
        variant="default"
        size="compact-xs"
        leftSection={<IconRefresh size={12} />}
        loading={rows.busy}
        onClick={rows.reload}
      >
        Refresh
      </Button>
    </div>
  );
}

/** "1,204 checks", or "200+ checks" while the end is unknown. For the page head. */
export function RowCount<T>({ rows, one, many }: { rows: RowsView<T>; one: string; many: string }) {
  if (rows.pending) return null;
  const n = rows.total ?? rows.count;
  return (
    <span className={`${classes.count} num`} aria-live="polite">
      {integer(n)}
      {rows.total === undefined ? '+' : ''} {n === 1 ? one : many}
    </span>
  );
}

/** What can be done with the chosen rows; stands above the foot of the list. */
export function SelectionBar({
  count,
  onClear,
  children,
}: {
  count: number;
  onClear: () => void;
  children: ReactNode;
}) {
  if (!count) return null;
  return (
    <div className={classes.selection} role="toolbar" aria-label="Chosen rows">
      <span className="num">{integer(count)} chosen</span>
      {children}
      <Button variant="subtle" color="gray" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}
