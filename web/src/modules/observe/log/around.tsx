import { Button, Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { absolute, useZone } from '@/lib/time';
import { Loaded } from '@/ui/Loading';
import { LevelMark } from './lines';
import classes from './logs.module.css';
import { keyOf, type Row } from './model';
import { contextQuery } from './queries';

const STEP = 25;
const MOST = 500;

/** The lines of the same stream before and after one, in the order in which they were written. */
export function Around({ row, onClose }: { row: Row | undefined; onClose: () => void }) {
  return (
    <Modal opened={!!row} onClose={onClose} size={1100} title={`Lines around, in ${row?._stream || 'the same stream'}`}>
      {row && <AroundBody key={keyOf(row)} row={row} />}
    </Modal>
  );
}

function AroundBody({ row }: { row: Row }) {
  const zone = useZone();
  const [before, setBefore] = useState(STEP);
  const [after, setAfter] = useState(STEP);
  const query = useQuery(contextQuery(row, before, after));
  const here = useRef<HTMLLIElement>(null);
  const ready = !!query.data;
  useEffect(() => {
    if (ready) here.current?.scrollIntoView({ block: 'center' });
  }, [ready]);
  return (
    <Loaded query={query} what="The lines around" rows={12}>
      {(data) => {
        const same = (r: Row) => keyOf(r) === keyOf(row);
        const later = data.after as Row[];
        const at = later.findIndex(same);
        return (
          <div className={classes.around}>
            <Button
              size="compact-sm"
              variant="default"
              disabled={data.before.length < before || before >= MOST}
              onClick={() => setBefore((n) => Math.min(MOST, n * 2))}
            >
              {data.before.length < before ? 'Nothing before this' : 'More before'}
            </Button>
            <ol>
              {[...(data.before as Row[]), ...later].map((r, i) => {
                const it = i === data.before.length + at;
                return (
                  <li
                    // biome-ignore lint/suspicious/noArrayIndexKey: two lines may be the same
                    key={`${keyOf(r)} ${i}`}
                    ref={it ? here : undefined}
                    data-here={it || undefined}
                    aria-current={it || undefined}
                  >
                    <time dateTime={r._time} className={classes.clock}>
                      {absolute(r._time ?? '', zone).slice(5, 19)}
                    </time>
                    <LevelMark level={r.level ?? ''} />
                    <span className={classes.text}>{r._msg}</span>
                  </li>
                );
              })}
            </ol>
            <Button
              size="compact-sm"
              variant="default"
              disabled={later.length < after || after >= MOST}
              onClick={() => setAfter((n) => Math.min(MOST, n * 2))}
            >
              {later.length < after ? 'Nothing after this yet' : 'More after'}
            </Button>
          </div>
        );
      }}
    </Loaded>
  );
}
