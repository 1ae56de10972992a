import { ActionIcon, Button, TextInput } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { useState } from 'react';
import { duration } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useNow } from '@/lib/time';
import { PriorityMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import classes from '../incident.module.css';
import { causeLabel, type Detail, isOpen, VERB, type Verb, verbs } from '../model';
import type { Patch } from '../queries';

/** What it is, how bad it is, and the one thing to do next. */
export function Hero({
  incident: i,
  busy,
  onStep,
  onPatch,
}: {
  incident: Detail;
  busy: Verb | undefined;
  onStep: (v: Verb) => void;
  onPatch: (p: Patch) => Promise<boolean>;
}) {
  const may = useCan()('incident.write');
  const now = useNow();
  const [title, setTitle] = useState<string>();
  const end = i.restored_at ?? i.resolved_at;
  const lasted = ((end ? new Date(end).getTime() : now) - new Date(i.impact_started_at).getTime()) / 1000;
  const list = may ? verbs(i) : [];
  const saveTitle = async () => {
    const t = title?.trim();
    if (!t || t === i.title || (await onPatch({ title: t }))) setTitle(undefined);
  };
  return (
    <section className={classes.hero} aria-label="Summary">
      <div className={classes.marks}>
        <PriorityMark priority={i.priority} />
        <StatusMark state={i.state} />
        <span className="num">
          {isOpen(i.state) && !end ? 'Impact for' : 'Impact lasted'}{' '}
          {duration(lasted < 60 ? lasted : Math.floor(lasted / 60) * 60)}
        </span>
        {i.assignee && <span>{i.assignee.name} has it</span>}
        {i.reopens > 0 && <span>Reopened {i.reopens === 1 ? 'once' : `${i.reopens} times`}</span>}
      </div>
      {title === undefined ? (
        <div className={classes.title}>
          <h2>{i.title}</h2>
          {may && i.state !== 'closed' && (
            <ActionIcon aria-label="Change the title" mt={2} onClick={() => setTitle(i.title)}>
              <IconPencil size={14} />
            </ActionIcon>
          )}
        </div>
      ) : (
        <form
          className={classes.actions}
          onSubmit={(e) => {
            e.preventDefault();
            void saveTitle();
          }}
        >
          <TextInput
            aria-label="Title"
            maxLength={300}
            data-autofocus
            autoFocus
            style={{ flex: 1, minWidth: 200 }}
            value={title}
            onChange={(e) => setTitle(e.currentTarget.value)}
            onKeyDown={(e) => {
              if (e.key === 'Escape') setTitle(undefined);
            }}
          />
          <Button type="submit">Save</Button>
          <Button variant="default" onClick={() => setTitle(undefined)}>
            Cancel
          </Button>
        </form>
      )}
      {i.output && <p className={`${classes.said} mono`}>{i.output}</p>}
      {i.resolution_note && (
        <div className={classes.note}>
          <b>{causeLabel(i.cause_code ?? '')}.</b> {i.resolution_note}
        </div>
      )}
      {list.length > 0 && (
        <div className={classes.actions}>
          {list.map((v, n) => (
            <Button
              key={v}
              className={n === 0 ? classes.first : undefined}
              h={n === 0 ? undefined : { base: 44, sm: 36 }}
              variant={n === 0 ? 'filled' : 'default'}
              loading={busy === v}
              disabled={!!busy && busy !== v}
              onClick={() => onStep(v)}
            >
              {VERB[v].label}
            </Button>
          ))}
        </div>
      )}
    </section>
  );
}
