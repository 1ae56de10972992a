import { describe, expect, it } from 'vitest';
import { kindsOf, prefixesOf, rateNow, snippets, tokenless, waysOf, withAllowed } from './model';
import type { Overview, Source } from './queries';

const overview: Overview = {
  url: 'https://mainstay.example.org',
  metrics: true,
  logs: true,
  traces: false,
  flows: false,
  protocols: [
    { name: 'influx', title: 'InfluxDB line protocol', path: '/ingest/influx', ports: [] },
    {
      name: 'otlp',
      title: 'OpenTelemetry',
      path: '/ingest/otlp',
      ports: [{ name: 'otlp_grpc', network: 'tcp', usual: 4317, address: '0.0.0.0:4317' }],
    },
    { name: 'statsd', title: 'StatsD', ports: [{ name: 'statsd', network: 'udp', usual: 8125 }] },
  ],
};

describe('sources', () => {
  it('tells what a source sends, the most first', () => {
    const s = { samples: 2, lines: 5, spans: 0, rate: [0, 0, 6, 6, 6, 6, 6, 6] } as unknown as Source;
    expect(kindsOf(s).map((k) => k.label)).toEqual(['log lines', 'samples']);
    expect(rateNow(s)).toBe(6);
    expect(rateNow({ ...s, rate: [] })).toBe(0);
  });

  it('reads prefixes and puts them into settings', () => {
    expect(prefixesOf('10.0.0.0/8, 192.0.2.1\n2001:db8::/32 ')).toEqual(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']);
    const s = { allowed: { statsd: ['10.0.0.0/8'] }, limits: {} as never };
    expect(withAllowed(s, 'graphite', ['1.2.3.4']).allowed).toEqual({ statsd: ['10.0.0.0/8'], graphite: ['1.2.3.4'] });
    expect(withAllowed(s, 'statsd', []).allowed).toEqual({});
  });

  it('lists each path and port once', () => {
    expect(waysOf(overview).map((w) => `${w.protocol} ${w.network}`)).toEqual([
      'influx http',
      'otlp http',
      'otlp tcp',
      'statsd udp',
    ]);
    expect(tokenless(overview).map((p) => p.name)).toEqual(['statsd']);
  });

  it('shows only what the server takes, with its own address', () => {
    const all = snippets(overview, 'mst_x');
    expect(all.map((s) => s.id)).toEqual(['otel', 'otel-sdk', 'fluent-bit', 'telegraf', 'statsd']);
    expect(all.find((s) => s.id === 'fluent-bit')?.text).toContain('Port       443');
    expect(all.find((s) => s.id === 'telegraf')?.text).toContain('https://mainstay.example.org/ingest/influx');
    expect(all.find((s) => s.id === 'statsd')?.note).toContain('listen.statsd');
    expect(all.every((s) => s.protocol === 'statsd' || s.text.includes('mst_x'))).toBe(true);
  });
});
