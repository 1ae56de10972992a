import { useQuery } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { useUrlState } from '@/lib/url';
import { PageHead, Spacer } from '@/ui/PageHead';
import { Pill } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Access } from './access';
import { Events } from './events';
import type { Receiver } from './model';
import { receiverQuery, type TrapFilter } from './queries';
import { Senders } from './senders';

export const Route = createLazyRoute('/observe/traps')({ component: Page });

export interface Search extends TrapFilter {
  tab?: 'senders' | 'access';
  only?: 'unknown' | 'refused';
  open?: string;
}

function Page() {
  const [s, set] = useUrlState<Search>();
  const may = useCan()('trap.write');
  const receiver = useQuery(receiverQuery);
  useLiveQuery('traps', ['trap-receiver']);
  const tab = s.tab ?? 'events';
  return (
    <>
      <PageHead title="Traps">
        {receiver.data && <How receiver={receiver.data} />}
        <Spacer />
      </PageHead>
      <Tabs
        label="Parts of the page"
        tabs={[
          { value: 'events', label: 'Events' },
          { value: 'senders', label: 'Senders' },
          ...(may ? [{ value: 'access' as const, label: 'Who may send' }] : []),
        ]}
        value={tab}
        onChange={(t) => set({ tab: t === 'events' ? undefined : t })}
      />
      {tab === 'events' && <Events search={s} onSearch={set} receiver={receiver.data} />}
      {tab === 'senders' && <Senders only={s.only} onOnly={(only) => set({ only })} limits={receiver.data?.settings} />}
      {tab === 'access' && <Access receiver={receiver} />}
    </>
  );
}

/** Whether traps are received, and what was lost since the start. */
function How({ receiver: r }: { receiver: Receiver }) {
  const lost = [
    r.refused && `${integer(r.refused)} refused`,
    r.malformed && `${integer(r.malformed)} not SNMP`,
    r.limited && `${integer(r.limited)} over a limit`,
    r.dropped && `${integer(r.dropped)} dropped`,
  ].filter(Boolean);
  return (
    <>
      {r.listening ? <Pill tone="ok">listening on {r.listening}</Pill> : <Pill tone="plain">receiving is off</Pill>}
      {lost.length > 0 && (
        <span className="muted" title="Since the program was started">
          {lost.join(', ')}
        </span>
      )}
    </>
  );
}
