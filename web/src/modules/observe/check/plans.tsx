import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import { describe } from './maintenance';
import { brief } from './model';
import { deletePlan, type MaintenancePlan, plansQuery } from './queries';

/** What comes again and again, or was agreed in ops.yaml. Nothing is shown while there is none. */
export function Plans({ may }: { may: boolean }) {
  const query = useQuery(plansQuery);
  const client = useQueryClient();
  const [removing, setRemoving] = useState<MaintenancePlan>();
  const plans = query.data?.items ?? [];
  if (query.error)
    return (
      <Panel title="Plans">
        <p className="muted">The plans could not be read. They are asked for again.</p>
      </Panel>
    );
  if (!plans.length) return null;
  return (
    <Panel title="Plans" note="Each makes a window when its moment comes" flush>
      <table className="plain">
        <thead>
          <tr>
            <th>Title</th>
            <th className="wide">Covers</th>
            <th>Repeats</th>
            <th className="wide" style={{ width: 130 }}>
              Lasts
            </th>
            <th style={{ width: 176 }}>Next</th>
            <th style={{ width: 80 }}>
              <span className="vh">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {plans.map((p) => (
            <tr key={p.name}>
              <td>{p.name}</td>
              <td className="muted wide">
                {[...p.items, ...p.checks].join(', ')}
                {p.dependents && ' and what depends on it'}
              </td>
              <td className="muted">
                {describe(p.repeat)}, {p.starts.slice(11, 16)} {p.time_zone || 'UTC'}
              </td>
              <td className="muted wide">
                {p.flexible !== '0s' && `${brief(p.flexible)} within `}
                {brief(p.lasts)}
              </td>
              <td>{p.next ? <Time at={p.next} mode="absolute" /> : <span className="muted">none</span>}</td>
              <td>
                {may && (
                  <Button variant="subtle" size="compact-xs" onClick={() => setRemoving(p)}>
                    Remove
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <ConfirmDialog
        opened={!!removing}
        onClose={() => setRemoving(undefined)}
        title={`Remove the plan “${removing?.name ?? ''}”?`}
        action="Remove"
        run={async () => {
          if (removing) await deletePlan(removing.name);
          await client.invalidateQueries({ queryKey: ['downtimes'] });
          done('The plan is removed.');
        }}
      >
        A window of it that runs ends now. What was stays in the reports.
      </ConfirmDialog>
    </Panel>
  );
}
