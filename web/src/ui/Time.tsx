import { absolute, age, relative, useNow, useZone } from '@/lib/time';

/** A time: "3m ago", with the whole time on hover. `mode="age"` leaves out "ago"; `mode="absolute"` writes it out. */
export function Time({
  at,
  mode = 'relative',
}: {
  at: string | number | Date | null | undefined;
  mode?: 'relative' | 'age' | 'absolute';
}) {
  if (at === null || at === undefined || at === '') return <span className="muted">–</span>;
  return mode === 'absolute' ? <Fixed at={at} /> : <Moving at={at} short={mode === 'age'} />;
}

function iso(at: string | number | Date): string | undefined {
  const d = new Date(at);
  return Number.isNaN(d.getTime()) ? undefined : d.toISOString();
}

function Fixed({ at }: { at: string | number | Date }) {
  const zone = useZone();
  return (
    <time className="num" dateTime={iso(at)}>
      {absolute(at, zone)}
    </time>
  );
}

function Moving({ at, short }: { at: string | number | Date; short: boolean }) {
  const zone = useZone();
  const now = useNow();
  return (
    <time className="num" dateTime={iso(at)} title={absolute(at, zone)}>
      {short ? age(at, now) : relative(at, now)}
    </time>
  );
}
