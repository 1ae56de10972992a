import { ActionIcon, Button, SegmentedControl } from '@mantine/core';
import { IconCalendarUser, IconChevronLeft, IconChevronRight, IconPlus } from '@tabler/icons-react';
import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { useSession } from '@/lib/session';
import { useLiveQuery } from '@/lib/stream';
import { absolute, useNow, useZone } from '@/lib/time';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { Loaded, Skeleton } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { type Bar, type Duty, dayStarts, midnight } from './model';
import classes from './oncall.module.css';
import { Chart } from './parts/chart';
import { TakeShift, type Wish } from './parts/take';
import { dutiesQuery, giveBack, shiftsQuery } from './queries';

export const Route = createLazyRoute('/respond/oncall')({ component: Page });

function Page() {
  const duties = useQuery(dutiesQuery);
  const can = useCan();
  const navigate = useNavigate();
  const [wish, setWish] = useState<Wish>();
  useLiveQuery('oncall', ['oncall']);
  const names = (duties.data?.items ?? []).map((d) => d.schedule);
  return (
    <>
      <PageHead title="On call">
        <Spacer />
        {can('oncall.write') && (
          <Button
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => void navigate({ to: '/respond/schedules/new' as string })}
          >
            Add a schedule
          </Button>
        )}
        {can('oncall.override') && names[0] && (
          <Button
            onClick={() => {
              const now = Date.now();
              const at = (h: number) => new Date(Math.ceil(now / 3_600_000 + h) * 3_600_000).toISOString();
              setWish({ schedule: names[0] as string, from: at(0), to: at(8) });
            }}
          >
            Take a shift
          </Button>
        )}
      </PageHead>
      <Loaded query={duties} what="The schedules">
        {(d) =>
          d.items?.length ? (
            <PageBody label="On call">
              <div className={classes.now}>
                {d.items.map((x) => (
                  <Now key={x.schedule} duty={x} />
                ))}
              </div>
              <Calendar names={names} onTake={setWish} />
            </PageBody>
          ) : (
            <EmptyState
              icon={IconCalendarUser}
              title="No schedule"
              hint="A schedule says who is on call, week by week or day by day. Escalations tell whoever has it."
            />
          )
        }
      </Loaded>
      <TakeShift wish={wish} schedules={names} onClose={() => setWish(undefined)} />
    </>
  );
}

function Now({ duty: d }: { duty: Duty }) {
  const me = useSession()?.account?.id;
  return (
    <section className={classes.duty} data-gap={!d.person || undefined} aria-label={`On call for ${d.schedule}`}>
      <Link to={`/respond/schedules/${encodeURIComponent(d.schedule)}` as string}>{d.schedule}</Link>
      {d.override ? <Pill tone="maint">Taken over</Pill> : d.person?.id === me ? <Pill tone="ok">You</Pill> : <i />}
      <b title={d.person?.email}>{d.person?.name ?? 'Nobody is on call'}</b>
      <p>
        {d.until ? (
          <>
            {d.person ? 'Until' : 'From'} <Time at={d.until} mode="absolute" />
            {d.next && (d.person ? `, then ${d.next.name}` : `: ${d.next.name}`)}
            {!d.next && d.person && ', then nobody'}
          </>
        ) : d.person ? (
          'No hand-over in the next 60 days'
        ) : (
          'Nobody comes in the next 60 days'
        )}
      </p>
    </section>
  );
}

const DAY = 86_400_000;

function Calendar({ names, onTake }: { names: string[]; onTake: (w: Wish) => void }) {
  const [s, set] = useUrlState<{ weeks?: '2' | '4'; from?: string }>();
  const zone = useZone();
  const now = useNow();
  const can = useCan();
  const me = useSession()?.account?.id;
  const client = useQueryClient();
  const [back, setBack] = useState<{ schedule: string; bar: Bar }>();
  const utc = zone === 'utc';
  const days = s.weeks === '4' ? 28 : 14;
  const chosen = s.from ? new Date(s.from).getTime() : Number.NaN;
  const start = midnight(Number.isNaN(chosen) ? now : chosen, utc);
  const end = dayStarts(start, days + 1, utc)[days] as number;
  const qs = useQueries({ queries: names.map((n) => shiftsQuery(n, start, end)) });
  const failedOne = qs.find((q) => q.isError);
  const go = (d: number) => set({ from: new Date(start + d * DAY + DAY / 2).toISOString() });
  const pick = (schedule: string, bar: Bar) => {
    const mine = bar.shift?.override && (can('oncall.write') || bar.shift.person?.id === me);
    if (mine) setBack({ schedule, bar });
    else
      onTake({
        schedule,
        from: new Date(Math.max(Date.now(), new Date(bar.from).getTime())).toISOString(),
        to: bar.to,
      });
  };
  return (
    <Panel flush>
      <div className={classes.tools}>
        <h2>Calendar</h2>
        <small className="num">
          {absolute(start, zone).slice(0, 10)} to {absolute(end - 1, zone).slice(0, 10)}
        </small>
        <i />
        <ActionIcon aria-label="Earlier" onClick={() => go(-days / 2)}>
          <IconChevronLeft size={15} />
        </ActionIcon>
        <Button variant="default" disabled={!s.from} onClick={() => set({ from: undefined })}>
          Today
        </Button>
        <ActionIcon aria-label="Later" onClick={() => go(days / 2)}>
          <IconChevronRight size={15} />
        </ActionIcon>
        <SegmentedControl
          aria-label="Length of the calendar"
          data={[
            { value: '2', label: '2 weeks' },
            { value: '4', label: '4 weeks' },
          ]}
          value={s.weeks ?? '2'}
          onChange={(v) => set({ weeks: v === '2' ? undefined : '4' })}
        />
      </div>
      {failedOne ? (
        <ErrorState small what="The calendar" error={failedOne.error} retry={() => void failedOne.refetch()} />
      ) : qs.some((q) => !q.data) ? (
        <Skeleton rows={names.length + 1} height={44} />
      ) : (
        <Chart
          start={start}
          days={days}
          lanes={qs.map((q, i) => ({
            name: names[i] as string,
            shifts: q.data?.items ?? [],
            gaps: q.data?.gaps ?? [],
          }))}
          onPick={can('oncall.override') ? pick : undefined}
        />
      )}
      <ConfirmDialog
        opened={!!back}
        onClose={() => setBack(undefined)}
        title={`Give the shift in ${back?.schedule ?? ''} back?`}
        action="Give back"
        run={async () => {
          await giveBack(back?.schedule ?? '', back?.bar.shift?.override_id ?? '');
          await client.invalidateQueries({ queryKey: ['oncall'] });
          done('The shift is given back.');
        }}
      >
        {back && `${back.bar.shift?.person?.name} had taken it over. Whoever the rotation names is on call again.`}
      </ConfirmDialog>
    </Panel>
  );
}
