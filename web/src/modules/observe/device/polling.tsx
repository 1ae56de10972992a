import { Button, NumberInput, Switch } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { duration, integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { PageBody } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { type Device, setPolling } from './queries';

/** How the device is polled, and what that gives. */
export function Polling({ device: d }: { device: Device }) {
  const may = useCan()('check.write');
  const client = useQueryClient();
  const [on, setOn] = useState(d.state !== 'off');
  const [every, setEvery] = useState<number | string>(d.every_seconds || 60);
  const [busy, setBusy] = useState(false);
  const bad = on && !(Number(every) >= 10 && Number(every) <= 86_400);
  const same = on === (d.state !== 'off') && (!on || Number(every) === d.every_seconds);
  const save = async () => {
    setBusy(true);
    try {
      await setPolling(d.item, { every_seconds: on ? Number(every) : 0 });
      // The server looks at its list again within a second or two.
      await new Promise((ok) => setTimeout(ok, 1500));
      await client.invalidateQueries({ queryKey: ['device', d.item] });
      await client.invalidateQueries({ queryKey: ['devices'] });
      done(on ? `${d.item} is polled every ${duration(Number(every))}.` : `${d.item} is polled no more.`);
    } catch (e) {
      failed('Polling', e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <PageBody label="How it is polled">
      <Panel title="Polling">
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: 16, alignItems: 'flex-end' }}>
          <Switch
            label="Poll this device"
            checked={on}
            disabled={!may}
            onChange={(e) => setOn(e.currentTarget.checked)}
            mb={6}
          />
          {on && (
            <NumberInput
              label="Every, in seconds"
              value={every}
              onChange={setEvery}
              min={10}
              max={86_400}
              disabled={!may}
              error={bad ? 'From 10 to 86,400' : undefined}
              w={140}
            />
          )}
          {may && (
            <Button onClick={() => void save()} loading={busy} disabled={bad || same}>
              Save
            </Button>
          )}
        </div>
      </Panel>
      <Panel title="Last poll">
        <KeyValue
          rows={[
            ['Address', <span key="a">{d.address || '–'}</span>],
            ['Polled by', d.from || 'the server'],
            ['Polled', d.polled_at ? <Time key="p" at={d.polled_at} /> : 'not yet'],
            ['Took', d.polled_at ? `${Number(d.duration_seconds.toPrecision(2))} s` : '–'],
            ['Values', integer(d.values)],
            ['Profile', d.profile || 'none: only what all devices tell'],
            ['Read in full', d.surveyed ? 'yes, and again every day' : 'not yet'],
          ]}
        />
      </Panel>
      {!!d.limits?.length && (
        <Panel title="What is not polled">
          <ul style={{ margin: 0, paddingLeft: 18 }}>
            {d.limits.map((l) => (
              <li key={l}>{l}</li>
            ))}
          </ul>
        </Panel>
      )}
    </PageBody>
  );
}
