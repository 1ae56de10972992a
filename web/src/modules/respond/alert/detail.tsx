import { Button } from '@mantine/core';
import { IconBellOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { duration } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { useNow } from '@/lib/time';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { SevMark } from '@/ui/SevMark';
import { Pill, StatusMark, Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import classes from './alert.module.css';
import { type Alert, lasted, matchersFor, reasons } from './model';
import { alertQuery } from './queries';
import { SilenceDialog } from './silence-form';

export const Route = createLazyRoute('/respond/alerts/$id')({ component: Page });

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(alertQuery(id));
  const may = useCan()('alert.write');
  const [silencing, setSilencing] = useState(false);
  useLiveQuery('alerts', ['alert', id], id);
  const a = query.data;
  return (
    <>
      <PageHead title={a?.title ?? 'Alert'} parent={{ label: 'Alerts', to: '/respond/alerts' }}>
        <Spacer />
        {a && may && a.status === 'firing' && (
          <Button variant="default" leftSection={<IconBellOff size={14} />} onClick={() => setSilencing(true)}>
            Silence
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The alert" rows={8}>
        {(x) => (
          <PageBody label="Alert">
            <Facts alert={x} />
          </PageBody>
        )}
      </Loaded>
      <SilenceDialog
        opened={silencing}
        onClose={() => setSilencing(false)}
        matchers={a ? matchersFor(a) : []}
        onDone={() => void query.refetch()}
      />
    </>
  );
}

function Facts({ alert: a }: { alert: Alert }) {
  const now = useNow();
  const why = reasons(a);
  return (
    <>
      <Panel title="State">
        <div className={classes.marks}>
          <SevMark severity={a.severity} />
          <StatusMark state={a.status} />
          <span className="muted num">
            {a.ended_at ? 'Lasted' : 'For'} {duration(lasted(a, now))}
          </span>
          {why.map((w) => (
            <Pill key={w} tone="maint">
              {w}
            </Pill>
          ))}
        </div>
        {a.output && <p className={`${classes.output} mono`}>{a.output}</p>}
      </Panel>
      <Panel title="Facts">
        <KeyValue
          rows={[
            [
              'Incident',
              a.incident ? (
                <Link key="i" to={`/respond/incidents/${a.incident}` as string}>
                  {a.incident}
                </Link>
              ) : (
                'None: people were not told of it'
              ),
            ],
            ['Item', a.item && <Link to={`/estate/items/${encodeURIComponent(a.item)}` as string}>{a.item}</Link>],
            [
              'Check',
              a.check && <Link to={`/observe/checks/${encodeURIComponent(a.check)}` as string}>{a.check}</Link>,
            ],
            [
              'At the sender',
              a.link && (
                <a href={a.link} target="_blank" rel="noreferrer">
                  {a.link}
                </a>
              ),
            ],
            ['Began', <Time key="b" at={a.started_at} mode="absolute" />],
            ['Detected', <Time key="d" at={a.detected_at} mode="absolute" />],
            ['Ended', a.ended_at && <Time at={a.ended_at} mode="absolute" />],
            ['End', a.end_reason],
            ['Last change', <Time key="l" at={a.last_change} />],
            ['Reported', a.count === 1 ? 'Once' : `${a.count} times`],
            [
              'Labels',
              Object.keys(a.labels ?? {}).length
                ? Object.entries(a.labels ?? {}).map(([k, v]) => (
                    <Tag key={k}>
                      {k}={v}
                    </Tag>
                  ))
                : undefined,
            ],
            [
              'Fingerprint',
              <span key="f" className="mono">
                {a.fingerprint}
              </span>,
            ],
          ]}
        />
      </Panel>
    </>
  );
}
