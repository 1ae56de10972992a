import { Alert, Button } from '@mantine/core';
import { IconServer2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useParams } from '@tanstack/react-router';
import { bytes, duration } from '@/lib/format';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { StatusMark } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import classes from './device.module.css';
import { groups, portState } from './model';
import { Bar } from './parts';
import { Polling } from './polling';
import { Ports, type Search } from './ports';
import { type Device, deviceQuery } from './queries';

export const Route = createLazyRoute('/observe/devices/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [s, set] = useUrlState<Search>();
  const query = useQuery(deviceQuery(name));
  const d = query.data;
  const down = d?.interfaces.filter((p) => portState(p) === 'down').length;
  const tabs = [
    { value: 'interfaces', label: 'Interfaces', count: d?.interfaces.length },
    { value: 'health', label: 'Health', count: d?.gauges.length },
    { value: 'routing', label: 'Routing', count: d?.peers.length },
    { value: 'polling', label: 'Polling' },
  ];
  const tab = s.tab ?? 'interfaces';
  return (
    <>
      <PageHead
        title={name}
        parent={{ label: 'Devices', to: '/observe/devices' }}
        before={d && <StatusMark state={d.state} />}
      >
        {d?.polled_at && (
          <span className="muted">
            polled <Time at={d.polled_at} />
            {down ? `, ${down} ${down === 1 ? 'interface' : 'interfaces'} down` : ''}
            {d.uptime_seconds ? `, up for ${duration(d.uptime_seconds)}` : ''}
          </span>
        )}
        <Spacer />
        <Button
          variant="default"
          component={Link}
          to={`/estate/items/${encodeURIComponent(name)}` as string}
          leftSection={<IconServer2 size={14} />}
        >
          Item
        </Button>
      </PageHead>
      <Tabs
        tabs={tabs}
        value={tab}
        onChange={(t) => set({ tab: t === 'interfaces' ? undefined : (t as Search['tab']), port: undefined })}
        label="Device"
      />
      <Loaded query={query} what="The device" rows={12}>
        {(device) => (
          <>
            {device.error && (
              <Alert color="red" m="sm" title="The last poll failed">
                {device.error}
                {device.answered_at && (
                  <>
                    {' '}
                    What you see is from <Time at={device.answered_at} mode="absolute" />.
                  </>
                )}
              </Alert>
            )}
            {tab === 'health' ? (
              <Health device={device} />
            ) : tab === 'routing' ? (
              <Routing device={device} />
            ) : tab === 'polling' ? (
              <Polling key={device.every_seconds} device={device} />
            ) : (
              <Ports device={device} search={s} set={set} />
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function Health({ device }: { device: Device }) {
  const list = groups(device.gauges, bytes);
  if (!list.length)
    return (
      <EmptyState
        title={device.surveyed ? 'The device tells nothing of its hardware' : 'The device was not read in full yet'}
        hint={
          device.surveyed
            ? 'It has no processors, memory, storage or sensors that Mainstay knows how to read.'
            : 'Processors, memory, storage and sensors come with the first full reading, some minutes after the first poll.'
        }
      />
    );
  return (
    <PageBody label="Health">
      {list.map((g) => (
        <Panel key={g.title} title={g.title} note={`${g.list.length}`}>
          <div className={classes.values}>
            {g.list.map((v) => (
              <div key={v.key} className={classes.value}>
                <span title={v.label}>{v.label}</span>
                {v.text && <span className="num">{v.text}</span>}
                {v.ratio !== undefined && <Bar ratio={v.ratio} label={v.label} />}
              </div>
            ))}
          </div>
        </Panel>
      ))}
    </PageBody>
  );
}

function Routing({ device }: { device: Device }) {
  if (!device.peers.length)
    return <EmptyState title="No neighbors" hint="The device has no BGP peers and no OSPF neighbors." />;
  return (
    <PageBody label="Routing">
      <Panel title="Routing neighbors" note={`${device.peers.length}`} flush>
        <table className="plain">
          <thead>
            <tr>
              <th>State</th>
              <th>Neighbor</th>
              <th>Protocol</th>
              <th>AS</th>
            </tr>
          </thead>
          <tbody>
            {device.peers.map((p) => (
              <tr key={`${p.protocol} ${p.address}`}>
                <td>
                  <StatusMark state={p.good ? 'up' : p.enabled ? 'down' : 'off'} />{' '}
                  <span className="muted">{p.state}</span>
                </td>
                <td className="mono">{p.address}</td>
                <td>{p.protocol === 'bgp' ? 'BGP' : 'OSPF'}</td>
                <td className="num">{p.remote_as || ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Panel>
    </PageBody>
  );
}
