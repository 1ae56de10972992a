import { Button, NumberInput, Switch } from '@mantine/core';
import { IconServer2, IconTrash } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { quoted, range } from '@/lib/prom';
import { useLiveQuery } from '@/lib/stream';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { ChartData } from '@/ui/chart-data';
import { LiveChart } from '@/ui/LiveChart';
import { Loaded } from '@/ui/Loading';
import { DetailLayout, PageHead, SideSection, Spacer } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { Clients } from './clients';
import classes from './iot.module.css';
import { nameOf, valueText } from './model';
import {
  type Command,
  commandsQuery,
  type Device,
  deviceQuery,
  type Figure,
  forgetDevice,
  messagesQuery,
  sendCommand,
} from './queries';

export const Route = createLazyRoute('/observe/iot/$id')({ component: Page });

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(deviceQuery(id));
  const can = useCan();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  useLiveQuery('iot', ['iot', id], id);
  const d = query.data;
  return (
    <>
      <PageHead
        title={d?.name ?? 'Device'}
        parent={{ label: 'Sensors', to: '/observe/iot' }}
        before={d && <StatusMark state={d.state} />}
      >
        <Spacer />
        {d?.item && (
          <Button
            variant="default"
            component={Link}
            to={`/estate/items/${encodeURIComponent(d.item)}` as string}
            leftSection={<IconServer2 size={14} />}
          >
            Item
          </Button>
        )}
        {d && can('iot.write') && (
          <Button variant="default" color="red" leftSection={<IconTrash size={14} />} onClick={() => setAsking(true)}>
            Forget
          </Button>
        )}
      </PageHead>
      <Loaded query={query} what="The device" rows={10}>
        {(x) => (
          <DetailLayout label="Device" side={<Side device={x} />}>
            {x.commands.length > 0 && <Commands device={x} />}
            <Panel title="Figures, last day">
              {x.figures.length === 0 ? (
                <span className="muted">It has told no figures yet.</span>
              ) : (
                <div className={classes.charts}>
                  {x.figures.slice(0, 12).map((f) => (
                    <Graph key={f.metric + (f.sensor ?? '')} item={x.item ?? ''} figure={f} />
                  ))}
                </div>
              )}
            </Panel>
            <Messages id={id} />
            {can('iot.read') && <Clients only={x.client} />}
          </DetailLayout>
        )}
      </Loaded>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={`Forget ${d?.name}?`}
        action="Forget"
        run={async () => {
          await forgetDevice(id);
          done(`${d?.name} was forgotten.`);
          await navigate({ to: '/observe/iot' as string });
        }}
      >
        Its item and its figures stay. When it speaks again it is listed again.
      </ConfirmDialog>
    </>
  );
}

function Side({ device: d }: { device: Device }) {
  return (
    <SideSection title="About">
      <KeyValue
        rows={[
          ['Problem', d.problem],
          ['Maker', d.maker],
          ['Model', d.model],
          ['Firmware', d.firmware],
          ['Serial', d.serial],
          ['Room', d.room],
          ['Speaks', d.format],
          ['Client', d.client],
          [
            'Battery',
            d.battery === undefined ? undefined : `${Math.round(d.battery)} % (alarm below ${d.battery_low} %)`,
          ],
          ['Signal', d.signal === undefined ? undefined : String(d.signal)],
          ['Last seen', <Time key="l" at={d.last_seen} />],
          [
            'Expected',
            d.every_seconds > 0
              ? `every ${Math.round(d.every_seconds)} s (${d.every_set ? 'set' : 'learned'})`
              : 'not known yet',
          ],
          ['Messages', integer(d.messages)],
          ['Wrong clock', d.bad_clock > 0 ? `${integer(d.bad_clock)} messages` : undefined],
        ]}
      />
    </SideSection>
  );
}

/** The day before a moment in milliseconds, in seconds. */
const span = (at: number) => ({ from: at / 1000 - 86_400, to: at / 1000 });

function Graph({ item, figure: f }: { item: string; figure: Figure }) {
  const sensor = f.sensor ? `,sensor=${quoted(f.sensor)}` : '';
  const q = useQuery({
    queryKey: ['iot', 'graph', item, f.metric, f.sensor],
    refetchInterval: 30_000,
    queryFn: ({ signal }) => {
      const now = Math.floor(Date.now() / 1000);
      return range(`avg_over_time(${f.metric}{item=${quoted(item)}${sensor}}[5m])`, now - 86_400, now, 300, signal);
    },
  });
  const data = useMemo(() => new ChartData(1, 2000), []);
  useEffect(() => {
    const line = q.data?.[0];
    if (line) data.set(line.x, [line.y]);
  }, [q.data, data]);
  const ends = useMemo(() => span(q.dataUpdatedAt), [q.dataUpdatedAt]);
  const { label } = nameOf(f);
  return (
    <div>
      <div style={{ display: 'flex', justifyContent: 'space-between', gap: 8 }}>
        <span className="muted">{label}</span>
        <b className="num">{valueText(f)}</b>
      </div>
      <LiveChart
        name={`${label}, last day`}
        data={data}
        series={[{ label }]}
        height={110}
        range={q.data ? ends : undefined}
      />
    </div>
  );
}

function Messages({ id }: { id: string }) {
  const query = useQuery(messagesQuery(id));
  return (
    <Loaded query={query} what="The messages" small>
      {(list) => (
        <Panel title="Messages, live" flush={!!list.items?.length}>
          {list.items?.length ? (
            <table className="plain">
              <tbody>
                {list.items.slice(0, 20).map((m) => (
                  <tr key={m.at + m.topic}>
                    <td style={{ width: 100 }}>
                      <Time at={m.at} />
                    </td>
                    <td className={classes.tail} style={{ minWidth: 140 }}>
                      {m.topic}
                    </td>
                    <td className={classes.tail}>{m.payload}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <span className="muted">Nothing since the server was started.</span>
          )}
        </Panel>
      )}
    </Loaded>
  );
}

function Commands({ device: d }: { device: Device }) {
  const may = useCan()('iot.command');
  const query = useQuery(commandsQuery(d.id));
  const cache = useQueryClient();
  useLiveQuery('iot', ['iot', d.id, 'commands'], d.id);
  const send = async (c: Command, value: string) => {
    try {
      await sendCommand(d.id, c.name, value);
      done(`${c.name}: ${value} was sent.`);
    } catch (e) {
      failed('The command was not sent', e);
    }
    await cache.invalidateQueries({ queryKey: ['iot', d.id] });
  };
  return (
    <Panel title="Commands" flush={false}>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 16, alignItems: 'center', marginBottom: 10 }}>
        {d.commands.map((c) => (
          <Control key={c.name} command={c} device={d} may={may} send={send} />
        ))}
      </div>
      <Loaded query={query} what="The commands" small>
        {(list) =>
          list.items?.length ? (
            <table className="plain">
              <tbody>
                {list.items.slice(0, 8).map((c) => (
                  <tr key={c.id}>
                    <td>{c.name}</td>
                    <td className={classes.tail}>{c.payload}</td>
                    <td>{c.actor}</td>
                    <td title={c.why}>
                      <StatusMark state={c.state === 'acknowledged' ? 'answered' : c.state} />
                    </td>
                    <td style={{ width: 100 }}>
                      <Time at={c.at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <span className="muted">None was sent yet.</span>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Control({
  command: c,
  device: d,
  may,
  send,
}: {
  command: Command;
  device: Device;
  may: boolean;
  send: (c: Command, value: string) => Promise<void>;
}) {
  const now = d.figures.find((f) => f.metric.slice(4) + (f.sensor ? `/${f.sensor}` : '') === c.echo);
  const [value, setValue] = useState<string | number>(now?.value ?? c.min ?? 0);
  if (c.kind !== 'number')
    return (
      <Switch
        label={c.name}
        checked={(now?.value ?? 0) > 0}
        disabled={!may}
        onChange={(e) => void send(c, e.currentTarget.checked ? 'on' : 'off')}
      />
    );
  return (
    <div style={{ display: 'flex', gap: 6, alignItems: 'flex-end' }}>
      <NumberInput label={c.name} w={110} min={c.min} max={c.max} value={value} onChange={setValue} disabled={!may} />
      <Button variant="default" disabled={!may} onClick={() => void send(c, String(value))}>
        Set
      </Button>
    </div>
  );
}
