import {
  IconBell,
  IconCheck,
  IconCircleDot,
  IconFlag,
  IconLink,
  IconMail,
  IconMessage,
  IconUser,
} from '@tabler/icons-react';
import type { ComponentType, ReactNode } from 'react';
import { Time } from './Time';
import classes from './timeline.module.css';
import type { Tone } from './tone';

/** One entry of a timeline, newest or oldest first as the page likes. */
export interface TimelineEntry {
  id: string;
  at: string;
  /** Who did it; '' or "mainstay" for the system. */
  actor?: string;
  /** One line of what happened. */
  text: ReactNode;
  /** What hangs below: a comment, a message, a result. */
  body?: ReactNode;
  icon?: keyof typeof ICONS;
  tone?: Tone;
}

const ICONS = {
  dot: IconCircleDot,
  comment: IconMessage,
  alert: IconBell,
  notify: IconMail,
  state: IconFlag,
  done: IconCheck,
  person: IconUser,
  link: IconLink,
} satisfies Record<string, ComponentType<{ size?: number | string; stroke?: number | string }>>;

/** What happened, in order, with a line that ties it together. */
export function TimelineList({ entries, label }: { entries: readonly TimelineEntry[]; label: string }) {
  return (
    <ol className={classes.list} aria-label={label}>
      {entries.map((e) => {
        const Icon = ICONS[e.icon ?? 'dot'];
        return (
          <li key={e.id} className={classes.entry} data-tone={e.tone} data-comment={e.icon === 'comment' || undefined}>
            <span className={classes.icon}>
              <Icon size={13} stroke={1.8} />
            </span>
            <div className={classes.main}>
              <div className={classes.line}>
                <span className={classes.text}>
                  {e.actor && <b>{e.actor}</b>} {e.text}
                </span>
                <Time at={e.at} />
              </div>
              {e.body && <div className={classes.body}>{e.body}</div>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
