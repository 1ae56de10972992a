import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { axe, openPage, signIn, startBrowser, startServer, startTarget, until } from './lib.mjs';
const out = process.argv[2];
mkdirSync(out, { recursive: true });
const server = await startServer({});
const target = await startTarget();
const BIN = new URL('../../bin/mainstay', import.meta.url).pathname;
const browser = await startBrowser();
const shots = async (list) => {
  for (const [label, opts] of Object.entries({ dark: {}, light: { scheme: 'light' }, phone: { phone: true } })) {
    const page = await openPage(browser, opts);
    await signIn(page, server, { email: 'me@example.org' });
    for (const [name, path, act] of list) {
      await page.goto(server.url + path);
      await page.waitForTimeout(1300);
      if (act) await act(page);
      await page.screenshot({ path: join(out, `${name}-${label}.png`) });
      if (label !== 'dark') continue;
      await axe(page, name).catch((e) => console.log(name, e.message));
    }
    if (page.errors.length) console.log(page.errors);
    await page.close();
  }
};
await shots([['empty', '/observe/edges'], ['add', '/observe/edges?add=true'], ['line', '/observe/edges?add=true', async (p) => { await p.getByRole('button', { name: 'Show the line' }).click(); await p.waitForTimeout(700); }], ['error', '/observe/edges/nobody']]);
const edges = [];
for (const name of ['dc-west', 'dc-east', 'warehouse-hamburg-2']) {
  const dir = mkdtempSync('/tmp/look-edge-');
  const t = await server.api('POST', '/api/v1/agent-tokens', { kind: 'edge', labels: { site: name } });
  execFileSync(BIN, ['edge', 'enroll', '--url', server.url, '--token', t.token, '--name', name, '--dir', dir]);
  if (name !== 'warehouse-hamburg-2') edges.push(spawn(BIN, ['edge', 'run', '--dir', dir]));
}
await until('up', async () => (await server.api('GET', '/api/v1/edges')).items.filter((e) => e.state === 'up').length === 2);
await server.api('POST', '/api/v1/apply', `checks:
  - {name: intranet-http, from: dc-west, every: 1s, http: {url: "${target.url}"}}
  - {name: shop-http, from: all, every: 2s, http: {url: "${target.url}"}}
  - {name: printer, from: any, every: 5s, tcp: {address: "127.0.0.1:1"}}
  - {name: local-disk, every: 5s, disk: {path: /}}
  - {name: warehouse-door, from: warehouse-hamburg-2, every: 5s, tcp: {address: "127.0.0.1:1"}}
`, 'application/yaml');
await new Promise((ok) => setTimeout(ok, 15000));
await shots([['list', '/observe/edges'], ['edge', '/observe/edges/dc-west'], ['waiting', '/observe/edges/warehouse-hamburg-2'], ['checks', '/observe/checks'], ['filtered', '/observe/checks?from=dc-west'], ['check-all', '/observe/checks/shop-http'], ['check-away', '/observe/checks/warehouse-door'], ['form', '/observe/checks/shop-http/edit'], ['revoke', '/observe/edges/dc-west', async (p) => { await p.getByRole('button', { name: 'Revoke' }).first().click(); await p.waitForTimeout(400); }]]);
for (const e of edges) e.kill();
await browser.close();
await target.stop();
await server.stop();
