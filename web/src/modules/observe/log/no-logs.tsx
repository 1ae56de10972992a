import { IconFileText } from '@tabler/icons-react';
import { CopyButton } from '@/ui/CopyButton';
import { PageBody } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import classes from './logs.module.css';

/** Shown until the first line comes: how to send. */
export function NoLogs() {
  const base = window.location.origin;
  const host = window.location.hostname;
  const ways: [string, string, string][] = [
    [
      'Syslog: servers and network devices',
      'Give the server a port with "listen.syslog_udp" and "listen.syslog_tcp", allow the addresses of your devices under Sources, then on a host with rsyslog:',
      `*.* @@${host}:514`,
    ],
    [
      'Fluent Bit',
      'The es output speaks to Mainstay; the token is the password.',
      `[OUTPUT]\n  Name                es\n  Match               *\n  Host                ${host}\n  Path                /ingest/elastic\n  HTTP_User           token\n  HTTP_Passwd         <token>\n  Suppress_Type_Name  On`,
    ],
    [
      'Promtail, Alloy, Docker: Loki push',
      'Change the address; the token goes into the password.',
      `${base}/ingest/loki/api/v1/push`,
    ],
    [
      'Filebeat, Logstash, Vector: Elasticsearch',
      'Change the address; the token is the password or the API key.',
      `${base}/ingest/elastic`,
    ],
    ['OpenTelemetry', 'OTLP over HTTP, with the token as bearer.', `${base}/ingest/otlp/v1/logs`],
  ];
  return (
    <PageBody label="Logs" width="form">
      <div className={classes.welcome}>
        <IconFileText size={22} stroke={1.6} aria-hidden="true" />
        <h2>No logs yet</h2>
        <p>Point what you have at Mainstay by changing an address. Lines show here a second after they arrive.</p>
      </div>
      {ways.map(([title, hint, code]) => (
        <Panel key={title} title={title} tools={<CopyButton value={code} label={`Copy for ${title}`} />}>
          <p className={classes.way}>{hint}</p>
          <pre className={classes.saved}>{code}</pre>
        </Panel>
      ))}
    </PageBody>
  );
}
