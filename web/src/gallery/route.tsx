import { Button, Select, Switch, Textarea, TextInput } from '@mantine/core';
import { IconBellOff } from '@tabler/icons-react';
import { createLazyRoute } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { z } from 'zod/mini';
import { Problem } from '@/api/problems';
import type { Range } from '@/lib/range';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { CopyButton } from '@/ui/CopyButton';
import { ChartData } from '@/ui/chart-data';
import { EmptyState } from '@/ui/EmptyState';
import { ErrorState } from '@/ui/ErrorState';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { LiveChart } from '@/ui/LiveChart';
import { Markdown } from '@/ui/Markdown';
import { DetailLayout, PageBody, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { RefLink } from '@/ui/RefLink';
import { PriorityMark, SEVERITIES, SevMark } from '@/ui/SevMark';
import { Sparkline, StateStrip } from '@/ui/StateStrip';
import { Pill, StatusMark, Tag } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { TimelineList } from '@/ui/TimelineList';
import { TimeRange } from '@/ui/TimeRange';
import { done } from '@/ui/toast';
import { GalleryGrid } from './grid';

export const Route = createLazyRoute('/gallery')({ component: Gallery });

type Search = Range & { tab?: 'grid' | 'parts' | 'form' | 'detail' };
const STATES = ['ok', 'warning', 'critical', 'unknown', 'pending', 'unreachable', 'maintenance'];

function Gallery() {
  const [search, set] = useUrlState<Search>();
  const tab = search.tab ?? 'grid';
  return (
    <>
      <PageHead title="Gallery">
        <Spacer />
        <TimeRange value={search} onChange={set} />
      </PageHead>
      <Tabs
        label="Parts"
        tabs={[
          { value: 'grid', label: 'Grid' },
          { value: 'parts', label: 'Parts', count: 14 },
          { value: 'form', label: 'Form' },
          { value: 'detail', label: 'Detail' },
        ]}
        value={tab}
        onChange={(t) => set({ tab: t })}
      />
      {tab === 'grid' && <GalleryGrid />}
      {tab === 'parts' && <Parts />}
      {tab === 'form' && <FormPart />}
      {tab === 'detail' && <Detail />}
    </>
  );
}

function useWave(n: number): ChartData {
  const data = useMemo(() => new ChartData(n, 300), [n]);
  useEffect(() => {
    const at = (t: number) =>
      Array.from({ length: n }, (_, i) => 0.05 + 0.03 * Math.sin(t / (20 + 9 * i) + i) + 0.006 * Math.sin(t * 1.7 + i));
    const now = Math.floor(Date.now() / 1000);
    const x = Array.from({ length: 300 }, (_, k) => now - 299 + k);
    data.set(
      x,
      Array.from({ length: n }, (_, i) => x.map((t) => at(t)[i] ?? null)),
    );
    const t = setInterval(() => data.push(Math.floor(Date.now() / 1000), at(Date.now() / 1000)), 1000);
    return () => clearInterval(t);
  }, [data, n]);
  return data;
}

function Parts() {
  const one = useWave(1);
  const three = useWave(3);
  const [ask, setAsk] = useState(false);
  const now = Date.now() / 1000;
  return (
    <PageBody>
      <Stats>
        <Stat label="Open incidents" value="2" mark={<Pill state="firing">1 new</Pill>} to="/gallery" />
        <Stat label="Checks critical" value="7" note="of 1,204" mark={<StatusMark state="critical" label={false} />} />
        <Stat label="Availability, 30 days" value="99.953 %" note="20m 18s of downtime" />
        <Stat label="MTTA" value="2m 14s" note="mean over 12 incidents" />
      </Stats>
      <Panel title="Response time" note="shop-http" tools={<CopyButton value="shop-http" />}>
        <LiveChart
          name="Response time of shop-http"
          data={one}
          series={[{ label: 'Response time', area: true }]}
          unit="seconds"
          limits={[{ value: 0.075, tone: 'warn' }]}
          spans={[{ from: now - 200, to: now - 160, tone: 'down' }]}
          onZoom={() => {}}
        />
      </Panel>
      <Panel title="By region">
        <LiveChart
          name="Response time by region"
          data={three}
          series={[{ label: 'eu-west' }, { label: 'us-east' }, { label: 'ap-south' }]}
          unit="seconds"
          height={140}
        />
      </Panel>
      <Panel title="State, last 24 hours" note="99.1 % ok">
        <StateStrip
          label="State of shop-http"
          from={now - 86400}
          to={now}
          spans={[
            { from: now - 80000, to: now - 40000, state: 'ok' },
            { from: now - 40000, to: now - 38000, state: 'critical' },
            { from: now - 38000, to: now - 20000, state: 'ok' },
            { from: now - 20000, to: now - 16000, state: 'maintenance' },
            { from: now - 16000, to: now, state: 'ok' },
          ]}
        />
      </Panel>
      <Panel title="Marks">
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: 16, alignItems: 'center' }}>
          {SEVERITIES.map((s) => (
            <SevMark key={s} severity={s} />
          ))}
          {[1, 2, 3, 4, 5].map((n) => (
            <PriorityMark key={n} priority={n} />
          ))}
          {STATES.map((s) => (
            <StatusMark key={s} state={s} />
          ))}
          <StatusMark state="critical" soft />
          {STATES.map((s) => (
            <Pill key={s} state={s} />
          ))}
          <Tag>env=prod</Tag>
          <Sparkline values={[3, 5, 4, 8, 6, 9, 7, 12]} />
          <RefLink to={{ kind: 'item', name: 'shop', title: 'Shop', state: 'ok', url: '/gallery' }} />
          <Button onClick={() => done('Silence removed.', () => {})}>Toast</Button>
          <Button variant="default" onClick={() => setAsk(true)}>
            Remove
          </Button>
        </div>
      </Panel>
      <Panel title="Silences" flush>
        <EmptyState
          small
          icon={IconBellOff}
          title="No silences"
          hint="A silence keeps alerts from being told for a while."
        >
          <Button variant="default">Add a silence</Button>
        </EmptyState>
      </Panel>
      <Panel title="Uptime" flush>
        <ErrorState
          small
          what="Uptime"
          error={new Problem({ status: 503, message: 'The metric store is starting.', requestId: '0198-abc' })}
          retry={() => {}}
        />
      </Panel>
      <ConfirmDialog
        opened={ask}
        onClose={() => setAsk(false)}
        title="Remove check shop-http?"
        action="Remove"
        run={async () => {
          throw new Problem({ status: 409, message: 'Incident INC-4 still uses it.' });
        }}
      >
        Its history of states goes too. Measurements stay until their time is over.
      </ConfirmDialog>
    </PageBody>
  );
}

const schema = z.object({
  name: z.string().check(z.minLength(1, 'Give a name.')),
  url: z.string(),
  kind: z.string(),
  note: z.string(),
  on: z.boolean(),
});
function FormPart() {
  const form = useForm({
    schema,
    initial: { name: '', url: '', kind: 'http', note: '', on: true },
    submit: async () => {
      throw new Problem({
        status: 422,
        message: 'Refused',
        fields: [
          { path: 'url', message: 'must start with http:// or https://' },
          { path: 'every', message: 'is too short' },
        ],
      });
    },
  });
  return (
    <PageBody width="form">
      <Form form={form}>
        <Row>
          <TextInput label="Name" withAsterisk {...form.field('name')} />
          <Select label="Kind" data={['http', 'tcp', 'icmp']} {...form.field('kind')} />
        </Row>
        <FieldGroup title="Request" hint="What is asked for at each run.">
          <TextInput label="URL" placeholder="https://example.org/health" {...form.field('url')} />
          <Switch label="Follow redirects" {...form.check('on')} />
        </FieldGroup>
        <Textarea label="Note" autosize minRows={3} {...form.field('note')} />
        <FormActions action="Add check" pending={form.pending} onCancel={() => {}} />
      </Form>
    </PageBody>
  );
}

function Detail() {
  const at = (m: number) => new Date(Date.now() - m * 60_000).toISOString();
  return (
    <DetailLayout
      side={
        <>
          <SideSection title="Details">
            <KeyValue
              rows={[
                ['State', <Pill key="s" state="acknowledged" />],
                ['Priority', <PriorityMark key="p" priority={1} />],
                ['Assignee', 'Ada Park'],
                ['Started', <Time key="t" at={at(42)} />],
                [
                  'Number',
                  <span key="n" className="mono">
                    INC-12
                  </span>,
                ],
              ]}
            />
          </SideSection>
          <SideSection title="Items">
            <RefLink to={{ kind: 'item', name: 'shop', title: 'Shop', state: 'critical', url: '/gallery' }} />
          </SideSection>
        </>
      }
    >
      <Panel title="Timeline">
        <TimelineList
          label="Timeline of INC-12"
          entries={[
            { id: '1', at: at(42), text: 'Alert fired: shop-http is critical', icon: 'alert', tone: 'down' },
            { id: '2', at: at(42), text: 'Incident opened with priority 1', icon: 'state' },
            { id: '3', at: at(41), text: 'E-mail sent to ada@example.org', icon: 'notify' },
            { id: '4', at: at(38), actor: 'Ada Park', text: 'acknowledged', icon: 'person', tone: 'warn' },
            {
              id: '5',
              at: at(30),
              actor: 'Ada Park',
              text: 'commented',
              icon: 'comment',
              body: (
                <Markdown html="<p>nginx was out of file handles. Raised <code>worker_rlimit_nofile</code>.</p><ul><li>restarted</li><li>watching</li></ul>" />
              ),
            },
            { id: '6', at: at(2), text: 'Alert cleared', icon: 'done', tone: 'ok' },
          ]}
        />
      </Panel>
    </DetailLayout>
  );
}
