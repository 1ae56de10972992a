import { IconArrowsExchange } from '@tabler/icons-react';
import type { components } from '@/api/schema';
import { CopyButton } from '@/ui/CopyButton';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import classes from './flows.module.css';

type Status = components['schemas']['FlowStatus'];

/** Shown until the first record comes: how to open a port, who may send, and how to set up an exporter. */
export function NoFlows({ status }: { status: Status | undefined }) {
  const host = window.location.hostname;
  const port = (name: string) => status?.ports.find((p) => p.name === name);
  const open = status?.ports.filter((p) => p.address) ?? [];
  const netflow = Number(port('netflow')?.address?.split(':').at(-1)) || 2055;
  const sflow = Number(port('sflow')?.address?.split(':').at(-1)) || 6343;
  const steps: [string, string, string][] = [
    [
      '1. Open the ports',
      open.length
        ? `Open: ${open.map((p) => `${p.name} on ${p.address}`).join(', ')}.`
        : 'No port is open. Name them in the configuration file of the server and start it again:',
      `listen:\n  http: 0.0.0.0:8080\n  netflow: 0.0.0.0:2055\n  ipfix: 0.0.0.0:4739\n  sflow: 0.0.0.0:6343`,
    ],
    [
      '2. Say who may send',
      'Only this machine may, until you allow other addresses: on the page Sources, or with mainstay apply:',
      `ingest:\n  allowed:\n    netflow: [10.0.0.0/8]\n    sflow: [10.0.0.0/8]`,
    ],
    [
      'Cisco IOS and IOS XE',
      'Flexible NetFlow with version 9. Report long flows every minute, so that peaks stand where they were.',
      `flow record MAINSTAY\n match ipv4 tos\n match ipv4 protocol\n match ipv4 source address\n match ipv4 destination address\n match transport source-port\n match transport destination-port\n match interface input\n collect interface output\n collect transport tcp flags\n collect counter bytes long\n collect counter packets long\n collect timestamp sys-uptime first\n collect timestamp sys-uptime last\nflow exporter MAINSTAY\n destination ${host}\n transport udp ${netflow}\n template data timeout 60\n option interface-table\n option application-table\n option sampler-table\nflow monitor MAINSTAY\n record MAINSTAY\n exporter MAINSTAY\n cache timeout active 60\ninterface GigabitEthernet0/0\n ip flow monitor MAINSTAY input`,
    ],
    [
      'MikroTik RouterOS',
      'Traffic flow with IPFIX.',
      `/ip traffic-flow set enabled=yes interfaces=all active-flow-timeout=1m\n/ip traffic-flow target add dst-address=${host} port=${netflow} version=ipfix`,
    ],
    [
      'Linux: softflowd',
      'On a router or host, for one interface.',
      `softflowd -i eth0 -n ${host}:${netflow} -v 10 -t maxlife=60`,
    ],
    [
      'Switches with sFlow',
      'As on Arista EOS; others have the same words.',
      `sflow sample 2048\nsflow destination ${host} ${sflow}\nsflow run`,
    ],
  ];
  return (
    <PageBody label="Flows" width="form">
      <div className={classes.welcome}>
        <IconArrowsExchange size={22} stroke={1.6} aria-hidden="true" />
        <h2>No flows yet</h2>
        <p>Routers, switches and hosts can report who talks to whom. Reports show here within seconds.</p>
      </div>
      {steps.map(([title, hint, code]) => (
        <Panel key={title} title={title} tools={<CopyButton value={code} label={`Copy: ${title}`} />}>
          <p className={classes.way}>{hint}</p>
          <pre className={classes.code}>{code}</pre>
        </Panel>
      ))}
    </PageBody>
  );
}
