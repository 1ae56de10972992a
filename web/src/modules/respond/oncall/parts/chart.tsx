import type { CSSProperties } from 'react';
import { absolute, useNow, useZone } from '@/lib/time';
import { type Bar, bars, colorOf, dayStarts, type Shift } from '../model';
import classes from '../oncall.module.css';

export interface Lane {
  name: string;
  shifts: readonly Shift[];
  gaps: readonly { from: string; to: string }[];
}

const WEEKDAY = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** The final schedules as lanes of bars; gaps are hatched. Bars are buttons where `onPick` is given. */
export function Chart({
  lanes,
  start,
  days,
  onPick,
}: {
  lanes: readonly Lane[];
  start: number;
  days: number;
  onPick?: (lane: string, bar: Bar) => void;
}) {
  const zone = useZone();
  const now = useNow();
  const utc = zone === 'utc';
  const marks = dayStarts(start, days + 1, utc);
  const end = marks[days] as number;
  const at = (t: number) => `${((t - start) / (end - start)) * 100}%`;
  const people = [
    ...new Map(lanes.flatMap((l) => l.shifts.map((s) => [s.person?.id ?? '', s.person?.name ?? '']))).entries(),
  ];
  const ids = people.map(([id]) => id);
  const hasGap = lanes.some((l) => l.gaps.length > 0);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key */}
      <section className={classes.scroll} tabIndex={0} aria-label="Calendar of shifts">
        <div className={classes.chart}>
          <div className={classes.corner} />
          <div className={classes.axis} aria-hidden="true">
            {marks.slice(0, days).map((t, i) => {
              const d = new Date(t);
              const wd = WEEKDAY[utc ? d.getUTCDay() : d.getDay()];
              const today = now >= t && now < (marks[i + 1] as number);
              // Four weeks leave room for a label each Monday and on the first day.
              if (days > 14 && wd !== 'Mon' && i !== 0) return null;
              return (
                <span key={t} className={classes.day} data-today={today || undefined} style={{ left: at(t) }}>
                  {wd} {absolute(t, zone).slice(5, 10)}
                </span>
              );
            })}
          </div>
          {lanes.map((l) => (
            <LaneRow
              key={l.name}
              lane={l}
              list={bars(l.shifts, l.gaps, start, end)}
              ids={ids}
              grid={marks.slice(1, days).map(at)}
              today={now > start && now < end ? at(now) : undefined}
              onPick={onPick}
            />
          ))}
        </div>
      </section>
      <div className={classes.legend}>
        {people.map(([id, name]) => (
          <span key={id}>
            <i style={{ '--tone': colorOf(id, ids) } as CSSProperties} />
            {name}
          </span>
        ))}
        <span>Dashed: a shift that was taken over</span>
        {hasGap && <span>Hatched: nobody is on call</span>}
      </div>
    </>
  );
}

function LaneRow({
  lane,
  list,
  ids,
  grid,
  today,
  onPick,
}: {
  lane: Lane;
  list: Bar[];
  ids: string[];
  grid: string[];
  today: string | undefined;
  onPick?: (lane: string, bar: Bar) => void;
}) {
  const zone = useZone();
  return (
    <>
      <div className={classes.name} title={lane.name}>
        {lane.name}
      </div>
      <div className={classes.lane}>
        {grid.map((left) => (
          <i key={left} className={classes.grid} style={{ left }} />
        ))}
        {today && <i className={classes.today} style={{ left: today }} />}
        {list.map((b) => {
          const who = b.shift?.person?.name ?? 'Nobody';
          const text = `${who}, ${absolute(b.from, zone).slice(0, 16)} to ${absolute(b.to, zone).slice(0, 16)}`;
          const props = {
            className: classes.bar,
            'data-gap': !b.shift || undefined,
            'data-override': b.shift?.override || undefined,
            title: text,
            style: {
              left: `${b.left}%`,
              width: `calc(${b.width}% - 2px)`,
              '--tone': b.shift ? colorOf(b.shift.person?.id ?? '', ids) : undefined,
            } as CSSProperties,
          };
          return onPick ? (
            <button key={b.key} type="button" aria-label={text} onClick={() => onPick(lane.name, b)} {...props}>
              {who}
            </button>
          ) : (
            <span key={b.key} {...props}>
              {who}
            </span>
          );
        })}
      </div>
    </>
  );
}
