import { Button } from '@mantine/core';
import { IconExternalLink, IconPlayerStop } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { Can } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { SevMark } from '@/ui/SevMark';
import { StatusMark, Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { programTitle } from './model';
import classes from './outside.module.css';
import { type Alert, alertQuery, endAlert } from './queries';

export const Route = createLazyRoute('/detect/outside/$id')({ component: Page });

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(alertQuery(id));
  const [ending, setEnding] = useState(false);
  useLiveQuery('outside-alerts', ['outside-alert', id]);
  const a = query.data;
  return (
    <>
      <PageHead title={a?.title ?? 'Outside alert'} parent={{ label: 'Outside alerts', to: '/detect/outside' }}>
        <Spacer />
        {a?.link && (
          <Button
            component="a"
            href={a.link}
            target="_blank"
            rel="noreferrer"
            variant="default"
            leftSection={<IconExternalLink size={14} />}
          >
            Open in {programTitle(a.program)}
          </Button>
        )}
        {a?.state === 'firing' && (
          <Can permission="outside.end">
            <Button variant="default" leftSection={<IconPlayerStop size={14} />} onClick={() => setEnding(true)}>
              End
            </Button>
          </Can>
        )}
      </PageHead>
      <Loaded query={query} what="The alert" rows={8}>
        {(x) => (
          <PageBody label="Outside alert">
            <Facts alert={x} />
          </PageBody>
        )}
      </Loaded>
      {a && (
        <ConfirmDialog
          opened={ending}
          onClose={() => setEnding(false)}
          title={`End ${a.title}?`}
          action="End"
          run={async () => {
            await endAlert(a.id);
            done('Ended.');
            await query.refetch();
          }}
        >
          Its incident recovers. If {programTitle(a.program)} says it again, it begins anew.
        </ConfirmDialog>
      )}
    </>
  );
}

function Facts({ alert: a }: { alert: Alert }) {
  return (
    <>
      <Panel title="State">
        <div className={classes.marks}>
          <SevMark severity={a.severity} />
          <StatusMark state={a.state} />
          {a.severity === 'info' && <span className="muted">Information: it makes no alert and no incident.</span>}
        </div>
        {a.text && <p className={`${classes.text} mono`}>{a.text}</p>}
      </Panel>
      <Panel title="Facts">
        <KeyValue
          rows={[
            ['Program', programTitle(a.program)],
            ['Sender', a.sender],
            ['Rule there', a.name],
            [
              'Item',
              a.item ? (
                <Link key="i" to={`/estate/items/${encodeURIComponent(a.item)}` as string}>
                  {a.item}
                </Link>
              ) : (
                <span key="i">
                  None. <Link to={'/observe/sources?tab=unknown' as string}>Unknown sources</Link> wait there for an
                  item.
                </span>
              ),
            ],
            ['Began', <Time key="b" at={a.started_at} mode="absolute" />],
            ['First heard', <Time key="f" at={a.first_seen} mode="absolute" />],
            ['Last heard', <Time key="l" at={a.last_seen} mode="absolute" />],
            ['Received', a.received === 1 ? 'Once' : `${a.received} times`],
            ['Over unless repeated', a.expires_at && <Time at={a.expires_at} />],
            ['Ended', a.ended_at && <Time at={a.ended_at} mode="absolute" />],
            ['End', a.reason],
            [
              'Labels',
              Object.keys(a.labels).length
                ? Object.entries(a.labels).map(([k, v]) => (
                    <Tag key={k}>
                      {k}={v}
                    </Tag>
                  ))
                : undefined,
            ],
          ]}
        />
      </Panel>
    </>
  );
}
