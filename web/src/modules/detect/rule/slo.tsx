import { Button } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { duration, number } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel, Stat, Stats } from '@/ui/Panel';
import { done } from '@/ui/toast';
import { RuleGraph } from './graph';
import { ruleTo } from './model';
import { deleteObjective, type Objective, objectiveQuery } from './queries';
import { BudgetMark, ObjectiveDialog } from './slo-parts';
import { days } from './slos';

export const Route = createLazyRoute('/detect/slos/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery(objectiveQuery(name));
  const may = useCan();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [changing, setChanging] = useState(false);
  return (
    <>
      <PageHead title={name} parent={{ label: 'Objectives', to: '/detect/slos' }}>
        <Spacer />
        {query.data && may('rule.write') && (
          <>
            <Button variant="default" leftSection={<IconPencil size={14} />} onClick={() => setChanging(true)}>
              Change
            </Button>
            <Button variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => setAsking(true)}>
              Delete
            </Button>
          </>
        )}
      </PageHead>
      <Loaded query={query} what="The objective" rows={8}>
        {({ data, etag }) => (
          <>
            <DetailLayout label="Objective" side={<Side slo={data} />}>
              <Body slo={data} />
            </DetailLayout>
            <ObjectiveDialog
              opened={changing}
              onClose={() => setChanging(false)}
              onDone={() => void client.invalidateQueries({ queryKey: ['slo', name] })}
              old={data}
              etag={etag}
            />
          </>
        )}
      </Loaded>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Delete the objective ${name}?`}
        action="Delete"
        run={async () => {
          await deleteObjective(name);
          done(`${name} was deleted.`);
          await navigate({ to: '/detect/slos' as string });
        }}
      >
        Its alerts end now.
      </ConfirmDialog>
    </>
  );
}

function Body({ slo: o }: { slo: Objective }) {
  const now = Date.now() / 1000;
  const at = (w: string, e?: string) => (e ?? '').replaceAll('$window', w);
  const ratio = o.good
    ? `1 - (${at('1h', o.good)}) / (${at('1h', o.total)})`
    : `(${at('1h', o.bad)}) / (${at('1h', o.total)})`;
  return (
    <>
      <Stats>
        <Stat
          label="Good events"
          value={o.good_percent === undefined ? '–' : `${number(o.good_percent)} %`}
          note={`the goal is ${o.objective} % over ${days(o.period)}`}
        />
        <Stat
          label="Budget left"
          value={<BudgetMark left={o.budget_left} />}
          note="of the bad events that are allowed"
        />
        <Stat
          label="Burn rate"
          value={o.burn_rate === undefined ? '–' : `${number(o.burn_rate)} ×`}
          note="in the last hour; at 1 the budget lasts for the period"
        />
        <Stat
          label="Gone in"
          value={o.gone_in_seconds === undefined ? '–' : duration(o.gone_in_seconds)}
          note="at the rate of the last hour"
        />
      </Stats>
      <Panel title="Bad events" note="Share of an hour, over the last seven days; the line is what the goal allows.">
        <RuleGraph
          name={`Share of bad events of ${o.name}`}
          expr={`${ratio} > ${(1 - o.objective / 100).toPrecision(4)}`}
          from={now - 7 * 86_400}
          to={now}
        />
      </Panel>
      <Panel title="Alerts" note="One for each burn rate." flush>
        <table className="plain">
          <tbody>
            {o.rules.map((r) => (
              <tr key={r}>
                <td>
                  <Link to={ruleTo(r)}>{r}</Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Panel>
    </>
  );
}

function Side({ slo: o }: { slo: Objective }) {
  return (
    <>
      <SideSection title="Objective">
        <KeyValue
          rows={[
            ['Goal', `${o.objective} %`],
            ['Period', days(o.period)],
            ['Item', o.item && <Link to={`/estate/items/${encodeURIComponent(o.item)}` as string}>{o.item}</Link>],
            ['Team', o.team],
          ]}
        />
      </SideSection>
      {o.description && (
        <SideSection title="Description">
          <p style={{ margin: 0, whiteSpace: 'pre-wrap' }}>{o.description}</p>
        </SideSection>
      )}
      <SideSection title="Questions">
        <KeyValue
          rows={[
            [
              'All events',
              <span key="t" className="mono">
                {o.total}
              </span>,
            ],
            ['Bad events', o.bad && <span className="mono">{o.bad}</span>],
            ['Good events', o.good && <span className="mono">{o.good}</span>],
          ]}
        />
      </SideSection>
    </>
  );
}
