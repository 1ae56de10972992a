import { Button, Checkbox, Popover, TextInput } from '@mantine/core';
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks';
import { IconChevronDown, IconSearch, IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import classes from './filters.module.css';

/** The filter line of a list. "/" goes there. Keep the value in the URL. */
export function SearchBox({
  value,
  onChange,
  placeholder,
  label,
}: {
  value: string;
  onChange: (v: string) => void;
  placeholder: string;
  label: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const send = useDebouncedCallback((v: string) => {
    sent.current = v;
    onChange(v);
  }, 180);
  useEffect(() => {
    // Only a change from outside (back, a cleared filter) may overwrite what is being typed.
    if (value !== sent.current) {
      sent.current = value;
      setText(value);
    }
  }, [value]);
  useHotkeys([['/', () => input.current?.focus()]]);
  return (
    <TextInput
      ref={input}
      className={classes.search}
      value={text}
      onChange={(e) => {
        setText(e.currentTarget.value);
        send(e.currentTarget.value);
      }}
      onKeyDown={(e) => {
        if (e.key === 'Escape') e.currentTarget.blur();
      }}
      placeholder={`${placeholder}  ( / )`}
      aria-label={label}
      leftSection={<IconSearch size={13} />}
    />
  );
}

export interface Choice {
  value: string;
  label: string;
  count?: number;
}

/** One facet: a button that opens a list to tick. No choice means all. */
export function Facet({
  label,
  choices,
  value,
  onChange,
}: {
  label: string;
  choices: readonly Choice[];
  value: readonly string[] | undefined;
  onChange: (v: string[]) => void;
}) {
  const chosen = value ?? [];
  const names = choices.filter((c) => chosen.includes(c.value)).map((c) => c.label);
  return (
    <Popover position="bottom-start" trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          className={classes.facet}
          data-on={names.length > 0 || undefined}
          rightSection={<IconChevronDown size={12} />}
        >
          {label}
          {names.length > 0 && <b>{names.length > 2 ? `${names.length} chosen` : names.join(', ')}</b>}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className={classes.choices}>
          {choices.map((c) => (
            <Checkbox
              key={c.value}
              label={c.count === undefined ? c.label : `${c.label} (${c.count})`}
              checked={chosen.includes(c.value)}
              onChange={(e) =>
                onChange(e.currentTarget.checked ? [...chosen, c.value] : chosen.filter((v) => v !== c.value))
              }
            />
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Takes all filters back; shown only while there are some. */
export function ClearFilters({ on, onClear }: { on: boolean; onClear: () => void }) {
  if (!on) return null;
  return (
    <Button variant="subtle" color="gray" leftSection={<IconX size={12} />} onClick={onClear}>
      Clear
    </Button>
  );
}
