import { ActionIcon, Tooltip } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconColumns2, IconFilterMinus, IconFilterPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { messageOf } from '@/api/problems';
import { integer } from '@/lib/format';
import { Loaded } from '@/ui/Loading';
import type { LineActions } from './lines';
import { nameOfLevel, toneOfLevel } from './model';
import { type Asked, fieldsQuery, valuesQuery } from './queries';
import classes from './side.module.css';

const HIDDEN = new Set(['_time', '_msg', '_stream', '_stream_id']);
/** Fields that most people look for come first. */
const FIRST = ['level', 'item', 'host', 'app', 'pattern', 'protocol'];

function rank(name: string): number {
  const i = FIRST.indexOf(name);
  return i < 0 ? FIRST.length : i;
}

/** The fields of the lines that were found; one that is opened shows its most frequent values. */
export function Fields({ asked, cols, actions }: { asked: Asked; cols: string[]; actions: LineActions }) {
  const query = useQuery(fieldsQuery(asked));
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set(['level']));
  const [find, setFind] = useState('');
  return (
    <aside className={classes.fields} aria-label="Fields">
      <input
        type="search"
        className={classes.find}
        aria-label="Find a field"
        placeholder="Find a field"
        value={find}
        onChange={(e) => setFind(e.currentTarget.value)}
      />
      <Loaded query={query} what="The fields" rows={8} small>
        {(data) => {
          const list = data.items
            .filter((f) => !HIDDEN.has(f.value) && f.value.toLowerCase().includes(find.toLowerCase()))
            .sort((a, b) => rank(a.value) - rank(b.value) || a.value.localeCompare(b.value));
          return (
            <ul>
              {list.map((f) => (
                <li key={f.value}>
                  <button
                    type="button"
                    className={classes.field}
                    aria-expanded={open.has(f.value)}
                    onClick={() =>
                      setOpen((old) => {
                        const next = new Set(old);
                        if (!next.delete(f.value)) next.add(f.value);
                        return next;
                      })
                    }
                  >
                    {open.has(f.value) ? <IconChevronDown size={12} /> : <IconChevronRight size={12} />}
                    <span title={f.value}>{f.value}</span>
                    <em className="num">{integer(f.rows)}</em>
                  </button>
                  {open.has(f.value) && <Values asked={asked} name={f.value} cols={cols} actions={actions} />}
                </li>
              ))}
              {list.length === 0 && <li className={classes.none}>No fields</li>}
            </ul>
          );
        }}
      </Loaded>
    </aside>
  );
}

function Values({ asked, name, cols, actions }: { asked: Asked; name: string; cols: string[]; actions: LineActions }) {
  const query = useQuery(valuesQuery(asked, name, 8));
  const items = query.data?.items ?? [];
  const sum = items.reduce((n, v) => n + v.rows, 0) || 1;
  if (query.error) return <p className={classes.none}>{messageOf(query.error)}</p>;
  if (query.isPending) return <p className={classes.none}>Counting…</p>;
  return (
    <ul className={classes.values}>
      {items.map((v) => (
        <li key={v.value}>
          <span className={classes.valueText} title={v.value}>
            {name === 'level' && <i style={{ background: `var(${toneOfLevel(v.value)})` }} />}
            {v.value === '' ? <span className="muted">none</span> : name === 'level' ? nameOfLevel(v.value) : v.value}
          </span>
          <em className="num">{integer(v.rows)}</em>
          <span className={classes.share} style={{ width: `${(v.rows / sum) * 100}%` }} aria-hidden="true" />
          <span className={classes.valueTools}>
            <ActionIcon
              size="xs"
              variant="subtle"
              aria-label={`Only lines with ${name} ${v.value || 'none'}`}
              onClick={() => actions.filter(name, v.value, false)}
            >
              <IconFilterPlus size={12} />
            </ActionIcon>
            <ActionIcon
              size="xs"
              variant="subtle"
              aria-label={`Without lines with ${name} ${v.value || 'none'}`}
              onClick={() => actions.filter(name, v.value, true)}
            >
              <IconFilterMinus size={12} />
            </ActionIcon>
          </span>
        </li>
      ))}
      <li>
        <Tooltip label={cols.includes(name) ? 'Hide the column' : 'Show as a column'} position="right">
          <button type="button" className={classes.columnButton} onClick={() => actions.column(name)}>
            <IconColumns2 size={12} /> {cols.includes(name) ? 'Hide the column' : 'Show as a column'}
          </button>
        </Tooltip>
      </li>
    </ul>
  );
}
