// Saves a picture of every page in light, dark and on a phone to web/.shots, from a server with real content.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openPage, signIn, startBrowser, startServer, startTarget, until } from './lib.mjs';

const out = join(import.meta.dirname, '../.shots');
mkdirSync(out, { recursive: true });
const server = await startServer({ discovery: true });
const target = await startTarget();
const dead = await startTarget();
await dead.stop();
const ops = `
teams: [{name: web, members: [ops@example.org, ada@example.org]}, {name: data, members: [lin@example.org]}]
kinds:
  - name: network_device
    attributes: [{name: serial, title: Serial number, type: text, unique: true, recommended: true}]
  - name: router
    title: Router
    parent: network_device
    attributes:
      - {name: memory_gib, title: Memory, type: integer, unit: GiB}
      - {name: mode, type: enum, options: [active, spare], default: active}
      - {name: room, type: item, kind: location}
relation_types:
  - {name: backs_up, inverse: backed_up_by, title: backs up, inverse_title: is backed up by, carries: none}
items:
  - {name: cellar, kind: location}
  - {name: edge-1, kind: router, attributes: {memory_gib: 8, room: cellar, note: borrowed}}
  - {name: edge-2, kind: router, attributes: {serial: FX7, room: cellar}, relations: {backs_up: [edge-1]}}
  - {name: uplink, kind: service, depends_on: [edge-1, edge-2], redundancy: [{name: routers, of: [edge-1, edge-2]}]}
  - {name: shop, kind: service, owner: web, criticality: high, title: Web shop, labels: {env: prod}}
  - {name: shop-web, kind: application, owner: web, part_of: [shop], depends_on: [shop-db, cache, uplink]}
  - {name: shop-db, kind: database, owner: data, criticality: critical}
  - {name: cache, kind: database, owner: data}
  - {name: mail, kind: service, owner: data, criticality: low}
checks:
  - {name: shop-http, item: shop-web, every: 1s, attempts: 2, retry_every: 500ms, http: {url: "${target.url}", contains: ok}}
  - {name: shop-port, item: shop-web, every: 5s, tcp: {address: "127.0.0.1:${target.port}"}}
  - {name: db-port, item: shop-db, every: 2s, attempts: 2, retry_every: 500ms, tcp: {address: "127.0.0.1:${dead.port}"}}
  - {name: cache-port, item: cache, every: 10s, tcp: {address: "127.0.0.1:${target.port}"}}
  - {name: backup-age, item: shop-db, freshness: 25h, passive: {}}
channels:
  - {name: web-hook, webhook: {url: "${target.url}hook"}}
schedules:
  - {name: web-primary, time_zone: Europe/Berlin, rotations: [{members: [ops@example.org, ada@example.org, lin@example.org], every: 168h, starts: "2026-11-02T09:00:00"}]}
escalations:
  - {name: web, steps: [{notify: [{schedule: web-primary}, {channel: web-hook}], after: 0s}, {notify: [{channel: web-hook}], after: 5m}]}
credentials:
  - {name: office, version: 2c, community: not-a-secret}
scrape_jobs:
  - {name: own, every: 5s, targets: ["127.0.0.1:${target.port}"], labels: {env: lab}}
discovery_jobs:
  - {name: lab, targets: [127.80.0.0/27], credentials: [office], rate: 500}
policies:
  - {name: default, match: {}, escalation: web, resolve: auto}
`;
await server.api('POST', '/api/v1/apply', ops, 'application/yaml');
await server.api('POST', '/api/v1/discovery-jobs/lab/run');
await server.api('POST', '/ingest/influx/write', 'sensor,host=chop temp=21.5\nsensor,host=plc-2 temp=20', 'text/plain');
await until('an incident', async () => (await server.api('GET', '/api/v1/incidents')).items.length > 0);
await new Promise((ok) => setTimeout(ok, 25_000));
const pages = process.argv[2]
  ? process.argv.slice(2)
  : [
      '/',
      '/estate/items',
      '/estate/items/shop-db',
      '/estate/items/shop-web?tab=dependencies',
      '/estate/items/shop-db?tab=impact',
      '/estate/items/shop?tab=history',
      '/estate/items/shop/edit',
      '/estate/items/new',
      '/estate/discovery',
      '/estate/discovery/lab',
      '/estate/discovery/lab?tab=log',
      '/estate/discovery/new',
      '/estate/suggestions',
      '/observe/edges',
      '/observe/edges?add=true',
      '/settings/credentials',
      '/estate/items/edge-1',
      '/estate/items/edge-1?tab=impact',
      '/estate/items/uplink?tab=dependencies',
      '/estate/items/edge-2/edit',
      '/settings/item-kinds',
      '/settings/item-kinds?tab=relations',
      '/settings/item-kinds?tab=sources',
      '/settings/item-kinds/router',
      '/estate/import',
      '/estate/health',
      '/estate/health?list=no-owner',
      '/estate/health?list=doubtful',
      '/observe/logs',
      '/observe/checks',
      '/observe/checks/shop-http',
      '/observe/checks/db-port',
      '/observe/checks/new',
      '/observe/checks/shop-http/edit',
      '/observe/sources',
      '/observe/sources?tab=unknown',
      '/observe/sources?tab=ways',
      '/observe/sources?connect=true',
      '/observe/scraping',
      '/observe/scraping/own',
      '/observe/flows',
      '/observe/flows?by=app&compare=true',
      '/observe/flows?tab=paths',
      '/observe/flows?tab=records',
      '/observe/flows?tab=unusual',
      '/observe/flows?tab=exporters',
      '/observe/traps',
      '/observe/traps?tab=senders',
      '/observe/traps?tab=access',
      '/observe/downtimes',
      '/observe/downtimes?new=true',
      '/respond/alerts',
      '/respond/incidents',
      '/respond/incidents/INC-1',
      '/respond/oncall',
      '/respond/notifications',
      '/report/availability',
      '/report/availability?item=shop',
      '/settings/people',
      '/settings/tokens',
      '/settings/audit',
      '/settings/ops',
      '/settings/system',
    ];
const browser = await startBrowser();
for (const [label, opts] of Object.entries({ dark: {}, light: { scheme: 'light' }, phone: { phone: true } })) {
  const page = await openPage(browser, opts);
  await signIn(page, server, { email: 'me@example.org' });
  for (const p of pages) {
    await page.goto(server.url + p);
    await page.waitForTimeout(1200);
    await page.screenshot({
      path: join(out, `${p.replace(/\W+/g, '_').replace(/^_|_$/g, '') || 'overview'}-${label}.png`),
    });
  }
}
await browser.close();
await target.stop();
await server.stop();
