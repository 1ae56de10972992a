import { Fragment } from 'react';
import { duration } from '@/lib/format';
import { Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import classes from '../incident.module.css';
import { type Detail, moments } from '../model';

/** When what happened, with the times that reports count. */
export function Moments({ incident }: { incident: Detail }) {
  return (
    <Panel title="Times">
      <dl className={classes.moments}>
        {moments(incident)
          .filter((m) => m.at)
          .map((m) => (
            <Fragment key={m.label}>
              <dt>{m.label}</dt>
              <dd>
                <Time at={m.at} mode="absolute" />
              </dd>
              <dd data-took className="num">
                {m.took === undefined ? '' : `${duration(m.took)} after ${m.after}`}
              </dd>
            </Fragment>
          ))}
      </dl>
    </Panel>
  );
}
