import type { Overview, Settings, Source } from './queries';

/** What a source sends, the most first, for a cell: "samples, lines". */
export function kindsOf(s: Source): { label: string; count: number }[] {
  return [
    { label: s.samples === 1 ? 'sample' : 'samples', count: s.samples },
    { label: s.lines === 1 ? 'log line' : 'log lines', count: s.lines },
    { label: s.spans === 1 ? 'span' : 'spans', count: s.spans },
  ]
    .filter((k) => k.count > 0)
    .sort((a, b) => b.count - a.count);
}

/** The mean of the last minute, in signals per second. */
export function rateNow(s: Source): number {
  const last = s.rate.slice(-6);
  return last.length ? last.reduce((a, b) => a + b, 0) / last.length : 0;
}

export const HINTS: Record<string, string> = {
  item: 'item',
  machine_id: 'machine id',
  host: 'host',
  service: 'service',
  address: 'address',
};

/** Reads prefixes typed on lines or with commas. */
export const prefixesOf = (text: string) =>
  text
    .split(/[\s,]+/)
    .map((p) => p.trim())
    .filter(Boolean);

export interface Row {
  protocol: string;
  title: string;
  port: string;
  network: string;
  usual: number;
  address?: string;
  path?: string;
  problem?: string;
}

/** One row for each path and each port, in the order of the protocols. */
export function waysOf(o: Overview): Row[] {
  return o.protocols.flatMap((p) => {
    const ports = p.ports.map((x) => ({
      protocol: p.name,
      title: p.title,
      port: x.name,
      network: x.network,
      usual: x.usual,
      address: x.address,
      problem: x.problem,
    }));
    const path = p.path
      ? [{ protocol: p.name, title: p.title, port: '', network: 'http', usual: 0, address: o.url, path: p.path }]
      : [];
    return [...path, ...ports];
  });
}

/** Protocols that know no tokens: those whose addresses can be allowed. */
export const tokenless = (o: Overview) => o.protocols.filter((p) => p.ports.some((x) => x.name !== 'otlp_grpc'));

/** Settings with the addresses of one protocol changed; without any, the default holds again. */
export function withAllowed(s: Settings, protocol: string, prefixes: string[]): Settings {
  const { [protocol]: _, ...rest } = s.allowed;
  return { ...s, allowed: prefixes.length ? { ...rest, [protocol]: prefixes } : rest };
}

export interface Snippet {
  id: string;
  label: string;
  /** The protocol that it speaks; it is shown only where the server has it. */
  protocol: string;
  file: string;
  text: string;
  note?: string;
}

/** What to write into the configuration of senders, with the real address of this server. */
export function snippets(o: Overview, token: string): Snippet[] {
  const has = new Map(o.protocols.map((p) => [p.name, p]));
  const url = o.url;
  const host = hostOf(url);
  const port = (protocol: string, name: string) => {
    const p = has.get(protocol)?.ports.find((x) => x.name === name);
    return p?.address ? portOf(p.address) : String(p?.usual ?? '');
  };
  const off = (protocol: string, name: string) => {
    const ports = has.get(protocol)?.ports.filter((x) => x.name === name) ?? [];
    return ports.some((x) => x.address)
      ? undefined
      : `This port is off. Set listen.${name} in the configuration of the server and start it again.`;
  };
  const all: Snippet[] = [
    {
      id: 'prometheus',
      label: 'Prometheus',
      protocol: 'prometheus',
      file: 'prometheus.yml',
      text: `remote_write:\n  - url: ${url}/ingest/prometheus/api/v1/write\n    authorization:\n      credentials: ${token}\n`,
    },
    {
      id: 'otel',
      label: 'OpenTelemetry Collector',
      protocol: 'otlp',
      file: 'config.yaml',
      text: `exporters:\n  otlphttp/mainstay:\n    endpoint: ${url}/ingest/otlp\n    headers:\n      Authorization: Bearer ${token}\nservice:\n  pipelines:\n    metrics: {receivers: [otlp], exporters: [otlphttp/mainstay]}\n    logs: {receivers: [otlp], exporters: [otlphttp/mainstay]}\n    traces: {receivers: [otlp], exporters: [otlphttp/mainstay]}\n`,
    },
    {
      id: 'otel-sdk',
      label: 'OpenTelemetry SDK',
      protocol: 'otlp',
      file: 'environment of the program',
      text: `OTEL_EXPORTER_OTLP_ENDPOINT=${url}/ingest/otlp\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nOTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20${token}\nOTEL_SERVICE_NAME=my-service\n`,
    },
    {
      id: 'fluent-bit',
      label: 'Fluent Bit',
      protocol: 'otlp',
      file: 'fluent-bit.conf',
      text: `[OUTPUT]\n    Name       opentelemetry\n    Match      *\n    Host       ${host}\n    Port       ${webPort(url)}\n    Tls        ${url.startsWith('https') ? 'On' : 'Off'}\n    Logs_uri   /ingest/otlp/v1/logs\n    Header     Authorization Bearer ${token}\n`,
    },
    {
      id: 'telegraf',
      label: 'Telegraf',
      protocol: 'influx',
      file: 'telegraf.conf',
      text: `[[outputs.influxdb_v2]]\n  urls = ["${url}/ingest/influx"]\n  token = "${token}"\n  organization = "ops"\n  bucket = "metrics"\n`,
    },
    {
      id: 'rsyslog',
      label: 'rsyslog',
      protocol: 'syslog',
      file: '/etc/rsyslog.d/90-mainstay.conf',
      text: `*.* action(type="omfwd" target="${host}" port="${port('syslog', 'syslog')}" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format")\n`,
      note: off('syslog', 'syslog'),
    },
    {
      id: 'statsd',
      label: 'StatsD',
      protocol: 'statsd',
      file: 'shell',
      text: `echo "page.views:1|c" | nc -u -w1 ${host} ${port('statsd', 'statsd')}\n`,
      note: off('statsd', 'statsd'),
    },
    {
      id: 'graphite',
      label: 'Graphite',
      protocol: 'graphite',
      file: 'shell',
      text: `echo "office.temperature 21.5 $(date +%s)" | nc -w1 ${host} ${port('graphite', 'graphite')}\n`,
      note: off('graphite', 'graphite'),
    },
    {
      id: 'zabbix',
      label: 'Zabbix sender',
      protocol: 'zabbix',
      file: 'shell',
      text: `zabbix_sender -z ${host} -p ${port('zabbix', 'zabbix')} -s "$(hostname)" -k queue.length -o 42\n`,
      note: off('zabbix', 'zabbix'),
    },
    {
      id: 'zipkin',
      label: 'Zipkin',
      protocol: 'zipkin',
      file: 'shell',
      text: `curl -H "Authorization: Bearer ${token}" -H "Content-Type: application/json" \\\n  --data @spans.json ${url}/ingest/zipkin/api/v2/spans\n`,
    },
    {
      id: 'alertmanager',
      label: 'Alertmanager',
      protocol: 'alertmanager',
      file: 'prometheus.yml',
      text: `alerting:\n  alertmanagers:\n    - scheme: ${url.startsWith('https') ? 'https' : 'http'}\n      path_prefix: /ingest/alertmanager\n      authorization:\n        credentials: ${token}\n      static_configs:\n        - targets: ["${host}:${webPort(url)}"]\n`,
    },
  ];
  return all.filter((s) => has.has(s.protocol));
}

export function hostOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return 'mainstay.example.org';
  }
}

function webPort(url: string): string {
  try {
    const u = new URL(url);
    return u.port || (u.protocol === 'https:' ? '443' : '80');
  } catch {
    return '443';
  }
}

const portOf = (address: string) => address.slice(address.lastIndexOf(':') + 1);

export const isLocal = (url: string) => /^https?:\/\/(127\.|localhost|\[::1\])/.test(url);
