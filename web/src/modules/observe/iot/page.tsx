import { Button } from '@mantine/core';
import { IconAccessPoint, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { StatusMark } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import { Time } from '@/ui/Time';
import { AddDevice } from './add';
import { Clients } from './clients';
import { Floors } from './floors';
import classes from './iot.module.css';
import { mainFigures, nameOf, valueText } from './model';
import { type Device, gatewayQuery, listDevices, unknownQuery } from './queries';
import { Trend } from './trend';
import { Unknown } from './unknown';

export const Route = createLazyRoute('/observe/iot')({ component: Page });

interface Search {
  q?: string;
  tab?: string;
  add?: boolean;
}

const url = (d: Device) => `/observe/iot/${d.id}`;
const COLUMNS: Column<Device>[] = [
  {
    id: 'name',
    label: 'Device',
    min: 180,
    main: true,
    render: (d) => (
      <Link to={url(d) as string} tabIndex={-1}>
        {d.name}
      </Link>
    ),
  },
  { id: 'state', label: 'State', width: 100, render: (d) => <StatusMark state={d.state} /> },
  {
    id: 'values',
    label: 'Now',
    min: 240,
    render: (d) => (
      <span className={classes.values}>
        {mainFigures(d).map((f) => (
          <span key={f.metric + (f.sensor ?? '')} title={nameOf(f).label} className="num">
            {valueText(f)}
          </span>
        ))}
      </span>
    ),
  },
  { id: 'trend', label: 'Last day', width: 120, render: (d) => <Trend device={d} /> },
  {
    id: 'battery',
    label: 'Battery',
    width: 80,
    right: true,
    render: (d) => (d.battery === undefined ? <span className="muted">–</span> : `${Math.round(d.battery)} %`),
  },
  {
    id: 'signal',
    label: 'Signal',
    width: 80,
    right: true,
    render: (d) => (d.signal === undefined ? <span className="muted">–</span> : integer(Math.round(d.signal))),
  },
  { id: 'room', label: 'Room', min: 100, render: (d) => d.room || <span className="muted">–</span> },
  {
    id: 'model',
    label: 'Model',
    min: 120,
    render: (d) => [d.maker, d.model].filter(Boolean).join(' ') || <span className="muted">–</span>,
  },
  { id: 'seen', label: 'Last seen', width: 110, render: (d) => <Time at={d.last_seen} /> },
];
const card = (d: Device) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{d.name}</span>
    <StatusMark state={d.state} />
    <span className="num">{mainFigures(d).map(valueText).join(', ')}</span>
    <Time at={d.last_seen} mode="age" />
  </>
);
const idOf = (d: Device) => d.id;

function Page() {
  const [s, set] = useUrlState<Search>();
  const may = useCan()('iot.client');
  const unknown = useQuery(unknownQuery);
  const tab = s.tab ?? 'devices';
  return (
    <>
      <PageHead title="Sensors and machines">
        <Spacer />
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: true })}>
            Add
          </Button>
        )}
      </PageHead>
      <Tabs
        label="Sensors and machines"
        tabs={[
          { value: 'devices', label: 'Devices' },
          { value: 'floors', label: 'Floors' },
          { value: 'unknown', label: 'Unknown topics', count: unknown.data?.items?.length || undefined },
          { value: 'clients', label: 'Connections' },
        ]}
        value={tab}
        onChange={(v) => set({ tab: v === 'devices' ? undefined : v })}
      />
      {tab === 'devices' && <Devices q={s.q} onQ={(q) => set({ q })} />}
      {tab === 'floors' && <Floors />}
      {tab === 'unknown' && <Unknown query={unknown} />}
      {tab === 'clients' && <Clients />}
      <AddDevice opened={!!s.add} onClose={() => set({ add: undefined })} />
    </>
  );
}

function Devices({ q, onQ }: { q?: string; onQ: (q?: string) => void }) {
  const navigate = useNavigate();
  const gate = useQuery(gatewayQuery);
  const rows = useRows<Device>({
    queryKey: ['iot', 'devices', q],
    fetchPage: ({ cursor, limit }, signal) => listDevices({ q }, cursor, limit, signal),
    idOf,
    topic: 'iot',
  });
  const off = gate.data && !gate.data.ports.some((p) => p.address);
  return (
    <>
      <Toolbar>
        <SearchBox
          value={q ?? ''}
          onChange={(v) => onQ(v || undefined)}
          placeholder="Name, room or model"
          label="Find devices"
        />
        <ClearFilters on={!!q} onClear={() => onQ(undefined)} />
        <Spacer />
        <RowCount rows={rows} one="device" many="devices" />
      </Toolbar>
      <DataGrid
        label="Devices"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(d) => void navigate({ to: url(d) as string })}
        empty={
          <EmptyState
            icon={IconAccessPoint}
            title={
              q ? 'No device is like that' : off ? 'The ports for devices are off' : 'No device has said anything yet'
            }
            hint={
              q
                ? 'Change what you look for.'
                : off
                  ? 'Set listen.mqtt (1883) or listen.mqtts (8883) in the configuration and start the server again.'
                  : 'Add one to get a user name, a password and a line to try.'
            }
          />
        }
      />
    </>
  );
}
