import { Checkbox } from '@mantine/core';
import { memo, type ReactNode } from 'react';
import classes from './grid.module.css';

export interface Column<T> {
  id: string;
  label: string;
  /** Pixels; without it the column takes the free room, at least `min`. */
  width?: number;
  min?: number;
  /** Numbers stand right, in figures of one width. */
  right?: boolean;
  mono?: boolean;
  /** The column that names the row. */
  main?: boolean;
  sortable?: boolean;
  render: (row: T) => ReactNode;
}

/** The least width of a set of columns, in pixels; narrower than that the grid scrolls sideways. */
export function leastWidth<T>(columns: readonly Column<T>[], selectable: boolean): number {
  return columns.reduce((sum, c) => sum + (c.width ?? c.min ?? 160), selectable ? 32 : 0);
}

/** The grid-template-columns of a set of columns. */
export function template<T>(columns: readonly Column<T>[], selectable: boolean): string {
  const cols = columns.map((c) => (c.width ? `${c.width}px` : `minmax(${c.min ?? 160}px, 1fr)`));
  return (selectable ? ['32px', ...cols] : cols).join(' ');
}

interface Props<T> {
  row: T | undefined;
  index: number;
  y: number;
  height: number;
  grid: string;
  least: number;
  columns: readonly Column<T>[];
  card?: (row: T) => ReactNode;
  current: boolean;
  checked: boolean | undefined;
  faded: boolean;
  openable: boolean;
}

function GridRowInner<T>(p: Props<T>) {
  const { row, columns } = p;
  const style = {
    transform: `translateY(${p.y}px)`,
    gridTemplateColumns: p.card ? undefined : p.grid,
    minWidth: p.card ? undefined : p.least,
    height: p.height,
  };
  if (row === undefined)
    return (
      <div role="row" className={classes.row} aria-rowindex={p.index + 2} style={style}>
        <div role="gridcell" className={classes.cell}>
          <i className={classes.ghost} />
        </div>
      </div>
    );
  return (
    <div
      role="row"
      id={`row-${p.index}`}
      className={classes.row}
      aria-rowindex={p.index + 2}
      aria-selected={p.checked ?? p.current}
      data-current={p.current || undefined}
      data-faded={p.faded || undefined}
      data-open={p.openable || undefined}
      data-card={p.card ? true : undefined}
      data-index={p.index}
      style={style}
    >
      {p.card ? (
        <div role="gridcell" className={classes.card}>
          {p.card(row)}
        </div>
      ) : (
        <>
          {p.checked !== undefined && (
            <div role="gridcell" className={classes.check} data-check>
              <Checkbox tabIndex={-1} checked={p.checked} readOnly aria-label="Select row" />
            </div>
          )}
          {columns.map((c) => (
            <div
              key={c.id}
              role="gridcell"
              className={`${classes.cell}${c.mono ? ' mono' : ''}${c.right ? ' num' : ''}`}
              data-right={c.right || undefined}
              data-main={c.main || undefined}
            >
              {c.render(row)}
            </div>
          ))}
        </>
      )}
    </div>
  );
}

/** One row; drawn again only when its own data change. */
export const GridRow = memo(GridRowInner) as typeof GridRowInner;
