import type { Mapping } from './queries';

/** A program that can send its alerts, and what to set there. */
export interface Program {
  name: string;
  title: string;
  /** Behind the address of the server. */
  path: string;
  steps: string[];
  /** What to paste, and where. */
  paste?: { label: string; text: (address: string) => string };
}

const DATADOG = `{
  "alert_id": "$ALERT_ID",
  "alert_cycle_key": "$ALERT_CYCLE_KEY",
  "title": "$EVENT_TITLE",
  "text": "$TEXT_ONLY_MSG",
  "transition": "$ALERT_TRANSITION",
  "alert_type": "$ALERT_TYPE",
  "priority": "$ALERT_PRIORITY",
  "host": "$HOSTNAME",
  "scope": "$ALERT_SCOPE",
  "tags": "$TAGS",
  "link": "$LINK",
  "date": "$DATE"
}`;

const NEWRELIC = `{
  "id": {{ json issueId }},
  "issueUrl": {{ json issuePageUrl }},
  "title": {{ json annotations.title.[0] }},
  "priority": {{ json priority }},
  "state": {{ json state }},
  "createdAt": {{ createdAt }},
  "impactedEntities": {{ json entitiesData.names }},
  "alertPolicyNames": {{ json accumulations.policyName }},
  "alertConditionNames": {{ json accumulations.conditionName }}
}`;

const PRTG =
  'sensorid=%sensorid&device=%device&host=%host&name=%name&status=%status&message=%message&group=%group&priority=%priority&linksensor=%linksensor';

const zabbix = (address: string) => `var p = JSON.parse(value);
var r = new HttpRequest();
r.addHeader('Content-Type: application/json');
r.addHeader('Authorization: Bearer ' + p.token);
var body = {};
['event_id', 'trigger_id', 'event_value', 'event_update_status', 'event_name', 'event_severity',
 'event_opdata', 'event_tags', 'host', 'host_ip', 'url'].forEach(function (k) { body[k] = p[k]; });
var answer = r.post('${address}', JSON.stringify(body));
if (r.getStatus() !== 200) { throw 'Mainstay answered ' + r.getStatus() + ': ' + answer; }
return 'OK';`;

const prometheus = (address: string) => {
  const u = new URL(address);
  return `alerting:
  alertmanagers:
    - scheme: ${u.protocol.replace(':', '')}
      path_prefix: /ingest/alertmanager
      authorization: {credentials: TOKEN}
      static_configs: [{targets: ["${u.host}"]}]`;
};

export const PROGRAMS: Program[] = [
  {
    name: 'alertmanager',
    title: 'Prometheus',
    path: '/ingest/alertmanager',
    steps: [
      'Add this to prometheus.yml, beside the Alertmanager that may be there already, and load it again.',
      'Rules of vmalert and of Loki’s ruler send to the same address.',
    ],
    paste: { label: 'prometheus.yml', text: prometheus },
  },
  {
    name: 'alertmanager',
    title: 'Alertmanager',
    path: '/ingest/alertmanager/webhook',
    steps: ['Add a receiver to alertmanager.yml, with send_resolved, and route to it what Mainstay shall have.'],
    paste: {
      label: 'alertmanager.yml',
      text: (a) => `receivers:
  - name: mainstay
    webhook_configs:
      - url: ${a}
        send_resolved: true
        http_config: {authorization: {credentials: TOKEN}}`,
    },
  },
  {
    name: 'grafana',
    title: 'Grafana',
    path: '/ingest/grafana',
    steps: [
      'Alerting, Contact points, Add: the kind Webhook with the address.',
      'Optional settings: authorization scheme Bearer, and the token as credentials.',
      'Name the contact point in a notification policy.',
    ],
  },
  {
    name: 'zabbix',
    title: 'Zabbix',
    path: '/ingest/zabbix/webhook',
    steps: [
      'Alerts, Media types, Create: the type Webhook. Parameters: token, event_id {EVENT.ID}, trigger_id {TRIGGER.ID}, event_value {EVENT.VALUE}, event_update_status {EVENT.UPDATE.STATUS}, event_name {EVENT.NAME}, event_severity {EVENT.SEVERITY}, event_opdata {EVENT.OPDATA}, event_tags {EVENT.TAGSJSON}, host {HOST.HOST}, host_ip {HOST.IP}, url with the address of the event in your Zabbix.',
      'Paste the script.',
      'Give the media type to a user, and send to it by a trigger action with recovery operations.',
    ],
    paste: { label: 'Script', text: zabbix },
  },
  {
    name: 'datadog',
    title: 'Datadog',
    path: '/ingest/datadog',
    steps: [
      'Integrations, Webhooks, New: the address, and the payload below.',
      'Custom headers: {"Authorization": "Bearer TOKEN"}.',
      'Name @webhook-mainstay in the message of each monitor.',
    ],
    paste: { label: 'Payload', text: () => DATADOG },
  },
  {
    name: 'newrelic',
    title: 'New Relic',
    path: '/ingest/newrelic',
    steps: [
      'Alerts, Destinations, Webhook: the address, with the token as Bearer.',
      'A workflow with this destination and the template below; send when issues are activated and closed.',
    ],
    paste: { label: 'Template', text: () => NEWRELIC },
  },
  {
    name: 'prtg',
    title: 'PRTG',
    path: '/ingest/prtg',
    steps: [
      'Setup, Notification templates, Execute HTTP action: the address, method POST, and the payload below. Authentication: any user name, and the token as password.',
      'Triggers of the sensors: when down and when no longer down.',
    ],
    paste: { label: 'Payload', text: () => PRTG },
  },
];

export const TITLES: Record<string, string> = {
  alertmanager: 'Prometheus',
  grafana: 'Grafana',
  zabbix: 'Zabbix',
  datadog: 'Datadog',
  newrelic: 'New Relic',
  prtg: 'PRTG',
  webhook: 'Webhook',
};

export const programTitle = (name: string) => TITLES[name] ?? name;

/** What a new mapping begins with. */
export const START: Mapping = {
  key: '{{id}}',
  title: '{{name}}',
  text: '{{message}}',
  severity: '{{severity}}',
  state: '{{status}}',
  over: ['ok', 'resolved'],
  host: '{{host}}',
};

export const SAMPLE = `{
  "id": "backup-7",
  "name": "Backup of shop failed",
  "message": "The disk is full.",
  "severity": "critical",
  "status": "failed",
  "host": "db-1"
}`;

/** Drops what is empty, so that the server keeps what a person wrote. */
export function tidy(m: Mapping): Mapping {
  const out = Object.fromEntries(
    Object.entries(m).filter(([, v]) => (Array.isArray(v) ? v.length > 0 : v !== '' && v !== undefined)),
  ) as unknown as Mapping;
  return { ...out, key: m.key, title: m.title };
}

/** `name=template` lines to labels and back. */
export function labelsOf(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const i = line.indexOf('=');
    if (i > 0) out[line.slice(0, i).trim()] = line.slice(i + 1).trim();
  }
  return out;
}

export const labelsText = (m: Record<string, string> | undefined) =>
  Object.entries(m ?? {})
    .map(([k, v]) => `${k}=${v}`)
    .join('\n');
