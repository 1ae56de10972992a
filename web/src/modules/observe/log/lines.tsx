import { ActionIcon, Button, Tooltip } from '@mantine/core';
import {
  IconArrowsVertical,
  IconBraces,
  IconChevronDown,
  IconChevronRight,
  IconColumns2,
  IconFilterMinus,
  IconFilterPlus,
  IconFingerprint,
  IconServer,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, memo, useEffect, useRef, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { absolute, useZone } from '@/lib/time';
import { CopyButton } from '@/ui/CopyButton';
import classes from './logs.module.css';
import { fieldsOf, isBad, isPlain, keyOf, nameOfLevel, newParserTo, type Row, toneOfLevel } from './model';

export interface LineActions {
  filter: (name: string, value: string, out: boolean) => void;
  column: (name: string) => void;
  around: (row: Row) => void;
}

/** The level of a line: a colored mark and the word. */
export function LevelMark({ level }: { level: string }) {
  return (
    <span className={classes.level} style={{ '--tone': `var(${toneOfLevel(level)})` } as never}>
      {level ? nameOfLevel(level) : <span className="vh">No level</span>}
    </span>
  );
}

/** "10:41:05.123" in the zone of the page. */
export function Clock({ time, full }: { time: string; full: boolean }) {
  const zone = useZone();
  const a = absolute(time, zone);
  const ms = (/\.(\d{1,3})/.exec(time)?.[1] ?? '').padEnd(3, '0');
  return (
    <time dateTime={time} title={a} className={classes.clock}>
      {full && <span>{a.slice(5, 10)} </span>}
      {a.slice(11, 19)}
      <span>.{ms}</span>
    </time>
  );
}

/** The lines, the newest first. Only those on screen are drawn. */
export function Lines({
  rows,
  cols,
  wrap,
  dates,
  actions,
  more,
  end,
}: {
  rows: Row[];
  cols: string[];
  wrap: boolean;
  /** Whether the day is shown beside the time. */
  dates: boolean;
  actions: LineActions;
  /** Reads older lines; undefined when there are none. */
  more?: () => void;
  /** What stands below the last line. */
  end?: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [openKeys, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [focus, setFocus] = useState(0);
  const virtual = useVirtualizer({
    count: rows.length + 1,
    getScrollElement: () => box.current,
    estimateSize: () => 24,
    overscan: 12,
    getItemKey: (i) => (rows[i] ? `${keyOf(rows[i])} ${i}` : 'end'),
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 1 && rows.length > 0) more?.();
  }, [last, rows.length, more]);

  const toggle = (row: Row) =>
    setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(keyOf(row))) next.add(keyOf(row));
      return next;
    });
  const key = (e: KeyboardEvent<HTMLDivElement>) => {
    if (e.target !== e.currentTarget && !(e.target as HTMLElement).dataset.line) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[e.key];
    if (step) {
      e.preventDefault();
      const to = Math.min(rows.length - 1, Math.max(0, focus + step));
      setFocus(to);
      virtual.scrollToIndex(to);
      requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-line="${to}"]`)?.focus());
    }
  };
  return (
    <div
      ref={box}
      className={classes.list}
      data-wrap={wrap || undefined}
      onKeyDown={key}
      role="feed"
      aria-label="Log lines, the newest first"
    >
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {items.map((v) => {
          const row = rows[v.index];
          return (
            <div
              key={v.key}
              ref={virtual.measureElement}
              data-index={v.index}
              className={classes.slot}
              style={{ transform: `translateY(${v.start}px)` }}
            >
              {row ? (
                <Line
                  row={row}
                  index={v.index}
                  cols={cols}
                  dates={dates}
                  open={openKeys.has(keyOf(row))}
                  tabbable={v.index === focus}
                  onToggle={toggle}
                  onFocus={setFocus}
                  actions={actions}
                />
              ) : (
                <p className={classes.end}>{end}</p>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const Line = memo(function Line({
  row,
  index,
  cols,
  dates,
  open,
  tabbable,
  onToggle,
  onFocus,
  actions,
}: {
  row: Row;
  index: number;
  cols: string[];
  dates: boolean;
  open: boolean;
  tabbable: boolean;
  onToggle: (row: Row) => void;
  onFocus: (index: number) => void;
  actions: LineActions;
}) {
  const level = row.level ?? '';
  return (
    <article
      data-open={open || undefined}
      style={isBad(level) ? ({ '--edge': `var(${toneOfLevel(level)})` } as never) : undefined}
    >
      <button
        type="button"
        className={classes.line}
        data-line={index}
        aria-expanded={open}
        tabIndex={tabbable ? 0 : -1}
        onFocus={() => onFocus(index)}
        onClick={() => {
          // Who marks text wants to copy it.
          if (!window.getSelection()?.toString()) onToggle(row);
        }}
      >
        {open ? <IconChevronDown size={12} aria-hidden="true" /> : <IconChevronRight size={12} aria-hidden="true" />}
        <Clock time={row._time ?? ''} full={dates} />
        <LevelMark level={level} />
        {cols.map((c) => (
          <span key={c} className={classes.cell} title={`${c}: ${row[c] ?? ''}`}>
            {row[c] ?? ''}
          </span>
        ))}
        <span className={classes.text}>
          {row._msg ??
            fieldsOf(row)
              .map(([k, v]) => `${k}=${v}`)
              .join(' ')}
        </span>
      </button>
      {open && <Detail row={row} cols={cols} actions={actions} />}
    </article>
  );
});

function Detail({ row, cols, actions }: { row: Row; cols: string[]; actions: LineActions }) {
  const can = useCan();
  return (
    <div className={classes.detail}>
      <div className={classes.detailTools}>
        {row._stream_id && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconArrowsVertical size={12} />}
            onClick={() => actions.around(row)}
          >
            Lines around
          </Button>
        )}
        {row.item && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconServer size={12} />}
            renderRoot={(p) => <Link {...p} to={`/estate/items/${encodeURIComponent(row.item ?? '')}` as string} />}
          >
            {row.item}
          </Button>
        )}
        {row.pattern && can('pattern.read') && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconFingerprint size={12} />}
            renderRoot={(p) => (
              <Link {...p} to={`/detect/patterns/${encodeURIComponent(row.pattern ?? '')}` as string} />
            )}
          >
            Its pattern
          </Button>
        )}
        {row._msg && isPlain(row) && can('log.parser.write') && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconBraces size={12} />}
            renderRoot={(p) => <Link {...p} to={newParserTo(row) as string} />}
          >
            Make fields of it
          </Button>
        )}
        <CopyButton value={row._msg ?? ''} label="Copy the line" />
      </div>
      <pre>{row._msg}</pre>
      <dl>
        {fieldsOf(row).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <span className={classes.fieldTools}>
                <Tooltip label={`Only lines with this ${name}`}>
                  <ActionIcon
                    size="sm"
                    variant="subtle"
                    aria-label={`Only lines with ${name} ${value.slice(0, 60)}`}
                    onClick={() => actions.filter(name, value, false)}
                  >
                    <IconFilterPlus size={13} />
                  </ActionIcon>
                </Tooltip>
                <Tooltip label={`Without lines with this ${name}`}>
                  <ActionIcon
                    size="sm"
                    variant="subtle"
                    aria-label={`Without lines with ${name} ${value.slice(0, 60)}`}
                    onClick={() => actions.filter(name, value, true)}
                  >
                    <IconFilterMinus size={13} />
                  </ActionIcon>
                </Tooltip>
                <Tooltip label={cols.includes(name) ? 'Hide the column' : 'Show as a column'}>
                  <ActionIcon
                    size="sm"
                    variant={cols.includes(name) ? 'light' : 'subtle'}
                    aria-label={`${cols.includes(name) ? 'Hide' : 'Show'} the column ${name}`}
                    aria-pressed={cols.includes(name)}
                    onClick={() => actions.column(name)}
                  >
                    <IconColumns2 size={13} />
                  </ActionIcon>
                </Tooltip>
              </span>
              <span className={classes.value}>{value}</span>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
