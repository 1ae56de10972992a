import { Popover } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { Suggestions } from '@/ui/Suggestions';
import classes from './logs.module.css';
import { suggest, type Wanted, wantedAt } from './model';
import { type Asked, fieldsQuery, valuesQuery } from './queries';

/** The line for LogsQL, with completion of fields, values and pipes. Enter runs it; "/" goes there. */
export function QueryInput({
  value,
  onRun,
  asked,
  error,
}: {
  value: string;
  onRun: (q: string) => void;
  /** The range in which names and values are looked up. */
  asked: Asked;
  /** What is wrong with the query. */
  error?: string;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [wanted, setWanted] = useState<Wanted>();
  const [active, setActive] = useState(-1);
  const caret = useRef<number>(undefined);
  useEffect(() => setText(value), [value]);
  useHotkeys([['/', () => input.current?.focus()]]);

  const all = { ...asked, query: '' };
  const fields = useQuery({ ...fieldsQuery(all), enabled: !!wanted && !wanted.pipe && wanted.field === undefined });
  const values = useQuery({ ...valuesQuery(all, wanted?.field ?? '', 100), enabled: wanted?.field !== undefined });
  const list = wanted ? suggest(wanted, fields.data?.items.map((f) => f.value) ?? [], values.data?.items ?? []) : [];
  const open = !!wanted && list.length > 0;

  const look = () => {
    const el = input.current;
    if (!el) return;
    setWanted(wantedAt(el.value, el.selectionStart ?? el.value.length));
    setActive(-1);
  };
  const take = (i: number) => {
    const s = list[i];
    const el = input.current;
    if (!s || !wanted || !el) return;
    const end = el.selectionStart ?? text.length;
    const next = text.slice(0, wanted.start) + s.insert + text.slice(end);
    const hole = s.insert.indexOf('( )');
    caret.current = wanted.start + (hole >= 0 ? hole + 1 : s.insert.length);
    setText(next);
  };
  // The caret goes behind what was put in, and the next thing is suggested.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the text was changed by a suggestion
  useEffect(() => {
    if (caret.current === undefined) return;
    input.current?.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
    look();
  }, [text]);

  const key = (e: KeyboardEvent<HTMLInputElement>) => {
    if (open && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) {
      e.preventDefault();
      const step = e.key === 'ArrowDown' ? 1 : -1;
      setActive((a) => (a + step + list.length + (a < 0 && step < 0 ? 1 : 0)) % list.length);
    } else if (open && (e.key === 'Tab' || e.key === 'Enter') && active >= 0) {
      e.preventDefault();
      take(active);
    } else if (e.key === 'Enter') {
      setWanted(undefined);
      onRun(text.trim());
    } else if (e.key === 'Escape') {
      if (open) setWanted(undefined);
      else input.current?.blur();
    } else if (e.key === ' ' && e.ctrlKey) {
      e.preventDefault();
      look();
    }
  };
  return (
    <Popover opened={open} position="bottom-start" width={340} shadow="none" withinPortal={false} withRoles={false}>
      <Popover.Target>
        <div className={classes.query} data-error={error ? true : undefined}>
          <IconSearch size={14} aria-hidden="true" />
          <input
            ref={input}
            role="combobox"
            aria-label="Query in LogsQL"
            aria-expanded={open}
            aria-controls={`${id}-list`}
            aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
            aria-autocomplete="list"
            aria-invalid={error ? true : undefined}
            aria-describedby={error ? `${id}-error` : undefined}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            placeholder="Words, field:value, or LogsQL such as  level:error -app:cron   ( / )"
            value={text}
            onChange={(e) => {
              setText(e.currentTarget.value);
              setWanted(wantedAt(e.currentTarget.value, e.currentTarget.selectionStart ?? 0));
              setActive(-1);
            }}
            onKeyDown={key}
            onClick={look}
            onBlur={() => setWanted(undefined)}
          />
          {error && (
            <span id={`${id}-error`} className="vh">
              {error}
            </span>
          )}
        </div>
      </Popover.Target>
      <Popover.Dropdown p={4}>
        <Suggestions id={id} list={list} active={active} take={take} />
      </Popover.Dropdown>
    </Popover>
  );
}
