import { Popover } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { Suggestions } from '@/ui/Suggestions';
import classes from './metric.module.css';
import { read, suggest, type Wanted, wantedAt } from './promql';
import { checkQuery, functionsQuery, labelsQuery, labelValuesQuery, type Mistake, metricsQuery } from './queries';

/** The input for PromQL: colors, completion, and mistakes where they are. Enter runs it, Shift+Enter is a new line. */
export function Editor({
  letter,
  value,
  onRun,
  autoFocus,
}: {
  letter: string;
  value: string;
  onRun: (q: string) => void;
  autoFocus?: boolean;
}) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(value);
  const [wanted, setWanted] = useState<Wanted>();
  const [active, setActive] = useState(-1);
  const caret = useRef<number>(undefined);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (autoFocus) area.current?.focus();
  }, [autoFocus]);

  const [settled] = useDebouncedValue(text, 400);
  const checked = useQuery(checkQuery(settled));
  const wrong = settled === text && text.trim() ? (checked.data?.mistakes ?? []) : [];

  const [word] = useDebouncedValue(wanted?.word ?? '', 80);
  const metrics = useQuery({ ...metricsQuery(word, 40), enabled: wanted?.kind === 'expression' && word !== '' });
  const functions = useQuery(functionsQuery);
  const labels = useQuery({ ...labelsQuery(wanted?.match, word), enabled: wanted?.kind === 'label' });
  const values = useQuery({
    ...labelValuesQuery(wanted?.label ?? '', wanted?.match, word),
    enabled: wanted?.kind === 'value' && !!wanted.label,
  });
  const fits = (s: string) => s.toLowerCase().includes((wanted?.word ?? '').toLowerCase());
  const list = wanted
    ? suggest(
        wanted,
        {
          metrics: metrics.data?.items.filter((m) => fits(`${m.name} ${m.help ?? ''}`)) ?? [],
          functions: functions.data?.items ?? [],
          labels: labels.data?.items.filter(fits) ?? [],
          values: values.data?.items.filter(fits) ?? [],
        },
        text.slice(wanted.start + wanted.word.length),
      )
    : [];
  const open = !!wanted && list.length > 0;
  // Who is being helped is not told of what is not written yet.
  const mistakes = open ? [] : wrong;
  const help = list[active]?.help;

  const look = () => {
    const el = area.current;
    if (!el) return;
    setWanted(el.selectionStart === el.selectionEnd ? wantedAt(el.value, el.selectionStart) : undefined);
    setActive(-1);
  };
  const take = (i: number) => {
    const s = list[i];
    if (!s || !wanted) return;
    const end = wanted.start + wanted.word.length;
    caret.current = wanted.start + s.insert.length;
    setText(text.slice(0, wanted.start) + s.insert + text.slice(end));
    setWanted(undefined);
  };
  // The caret goes behind what was put in.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the text was changed by a suggestion
  useEffect(() => {
    if (caret.current === undefined) return;
    area.current?.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
    setActive(-1);
  }, [text]);

  const key = (e: KeyboardEvent<HTMLTextAreaElement>) => {
    if (open && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) {
      e.preventDefault();
      const step = e.key === 'ArrowDown' ? 1 : -1;
      setActive((a) => (a + step + list.length + (a < 0 && step < 0 ? 1 : 0)) % list.length);
    } else if (open && (e.key === 'Tab' || (e.key === 'Enter' && active >= 0))) {
      e.preventDefault();
      take(Math.max(active, 0));
    } else if (e.key === 'Enter' && !e.shiftKey) {
      e.preventDefault();
      setWanted(undefined);
      onRun(text.trim());
    } else if (e.key === 'Escape') {
      if (open) setWanted(undefined);
      else area.current?.blur();
    } else if (e.key === ' ' && e.ctrlKey) {
      e.preventDefault();
      look();
    }
  };
  return (
    <div className={classes.editor}>
      <Popover
        opened={open}
        position="bottom-start"
        width="min(560px, 92vw)"
        shadow="none"
        withinPortal={false}
        withRoles={false}
      >
        <Popover.Target>
          <div className={classes.input} data-error={mistakes.length ? true : undefined}>
            <pre aria-hidden="true">
              <Painted text={text} mistakes={mistakes} />
            </pre>
            <textarea
              ref={area}
              aria-label={`Query ${letter} in PromQL`}
              aria-haspopup="listbox"
              aria-controls={open ? `${id}-list` : undefined}
              aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
              aria-autocomplete="list"
              aria-invalid={mistakes.length ? true : undefined}
              aria-describedby={mistakes.length ? `${id}-error` : undefined}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              rows={1}
              placeholder="A metric, or PromQL such as  rate(http_requests_total[5m])"
              value={text}
              onChange={(e) => {
                setText(e.currentTarget.value);
                setWanted(wantedAt(e.currentTarget.value, e.currentTarget.selectionStart));
                setActive(-1);
              }}
              onKeyDown={key}
              onClick={look}
              onBlur={() => {
                setWanted(undefined);
                if (text.trim() !== value) onRun(text.trim());
              }}
            />
          </div>
        </Popover.Target>
        <Popover.Dropdown p={4}>
          <Suggestions id={id} list={list} active={active} take={take} />
          {help && <p className={classes.help}>{help}</p>}
        </Popover.Dropdown>
      </Popover>
      {mistakes.length > 0 && (
        <p className={classes.mistake} id={`${id}-error`} role="alert">
          {mistakes.slice(0, 2).map((m) => (
            <span key={`${m.start} ${m.message}`}>
              At character {m.start + 1}: {m.message}.{' '}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

// The text with its colors; what is wrong is underlined.
function Painted({ text, mistakes }: { text: string; mistakes: Mistake[] }) {
  const first = mistakes[0];
  const chars = Array.from(text);
  const lengthTo = (n: number) => chars.slice(0, n).join('').length;
  const from = first ? lengthTo(first.start) : -1;
  // What is missing at the end is shown under the last character.
  const to = first ? Math.max(lengthTo(first.end), from + 1) : -1;
  const bad = first ? { from: Math.min(from, Math.max(text.length - 1, 0)), to } : undefined;
  const parts: { at: number; text: string; kind?: string }[] = [];
  let i = 0;
  for (const t of read(text).tokens) {
    if (t.start > i) parts.push({ at: i, text: text.slice(i, t.start) });
    parts.push({ at: t.start, text: text.slice(t.start, t.end), kind: t.kind });
    i = t.end;
  }
  parts.push({ at: i, text: `${text.slice(i)}\u200b` });
  return parts.map((p) => {
    const wrong = bad && p.at < bad.to && p.at + p.text.length > bad.from && p.text.trim() !== '';
    return (
      <span key={p.at} data-kind={p.kind} data-wrong={wrong || undefined}>
        {p.text}
      </span>
    );
  });
}
