// Measures the topology map with 5,000 nodes in Chromium: time to the first picture, frames a second while the map
// is moved and zoomed. The server is real; the answer of one endpoint is made here. Pictures go to web/.shots.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { check, openPage, signIn, startBrowser, startServer } from './lib.mjs';

const N = Number(process.argv[2] ?? 5000);
const out = join(import.meta.dirname, '../.shots');
mkdirSync(out, { recursive: true });
const switches = Math.ceil(N / 25);
const nodes = [];
const edges = [];
for (let i = 0; i < N; i++) {
  const sw = i < switches;
  const home = sw ? i : i % switches;
  nodes.push({
    id: `n${i}`,
    name: sw ? `switch-${i}` : `host-${i}.example.org`,
    kind: sw ? 'network_device' : 'host',
    role: sw ? 'switch' : 'server',
    state: ['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'warning', 'critical', 'unknown', ''][(i * 7919) % 10],
    site: `site-${home % 12}`,
    degree: sw ? 25 : 1,
  });
  if (i === 0) continue;
  const to = sw ? (i < 12 ? 0 : i % 12) : home;
  edges.push({
    id: `e${i}`,
    from: `n${to}`,
    to: `n${i}`,
    from_port: `ge-0/0/${i % 48}`,
    kind: 'link',
    confidence: 0.99,
    evidence: [],
  });
}
const server = await startServer();
const browser = await startBrowser();
const figures = {};
for (const [label, opts] of Object.entries({ dark: {}, light: { scheme: 'light' }, phone: { phone: true } })) {
  const page = await openPage(browser, opts);
  await signIn(page, server, { email: 'me@example.org' });
  await page.goto(`${server.url}/estate/topology`);
  await page.waitForSelector('text=Nothing is connected yet');
  await page.screenshot({ path: join(out, `topology-empty-${label}.png`) });
  await page.route(/\/api\/v1\/topology\?|\/api\/v1\/topology$/, (r) => {
    const g = new URL(r.request().url()).searchParams.get('group');
    return r.fulfill({ json: { layer: '2', nodes: nodes.map((n) => ({ ...n, group: g ? n[g] : undefined })), edges } });
  });
  for (const group of ['', '?group=site']) {
    await page.goto(`${server.url}/estate/topology${group}`, { waitUntil: 'commit' });
    const start = Date.now();
    await page.waitForFunction(() => Number(document.querySelector('canvas[data-frames]')?.dataset.frames) > 0);
    figures[`${label} first picture${group}, ms`] = Date.now() - start;
    figures[`${label} layout alone${group}, ms`] = Math.round(
      await page.evaluate(() => Number(document.querySelector('[data-layout-ms]').dataset.layoutMs)),
    );
    if (group) {
      await page.screenshot({ path: join(out, `topology-closed-${label}.png`) });
      await page.getByText('Open all groups').click();
      await page.waitForTimeout(1500);
    }
    await page.screenshot({ path: join(out, `topology${group ? '-groups' : ''}-${label}.png`) });
    for (const what of ['pan', 'zoom']) {
      figures[`${label} ${what}${group}, frames/s`] = await page.evaluate(async (kind) => {
        const c = document.querySelector('canvas');
        const b = c.getBoundingClientRect();
        const at = { bubbles: true, cancelable: true, pointerId: 1, clientX: b.left + 5, clientY: b.top + 5 };
        c.setPointerCapture = () => {};
        if (kind === 'pan') c.dispatchEvent(new PointerEvent('pointerdown', at));
        const before = Number(c.dataset.frames);
        const t0 = performance.now();
        for (let i = 1; performance.now() - t0 < 2000; i++) {
          if (kind === 'pan')
            c.dispatchEvent(
              new PointerEvent('pointermove', {
                ...at,
                clientX: at.clientX + Math.sin(i / 15) * 150 + 10,
                clientY: at.clientY + 10,
              }),
            );
          else
            c.dispatchEvent(
              new WheelEvent('wheel', {
                ...at,
                clientX: b.left + b.width / 2,
                clientY: b.top + b.height / 2,
                deltaY: Math.sin(i / 20) * 60,
              }),
            );
          await new Promise(requestAnimationFrame);
        }
        if (kind === 'pan') c.dispatchEvent(new PointerEvent('pointerup', at));
        return Math.round(((Number(c.dataset.frames) - before) * 1000) / (performance.now() - t0));
      }, what);
    }
  }
}
console.log(JSON.stringify(figures, null, 2));
for (const [k, v] of Object.entries(figures)) {
  if (k.includes('first picture')) check(v < 3000, `${k} is ${v}`);
  if (k.includes('frames/s')) check(v > 30, `${k} is ${v}`);
}
await browser.close();
await server.stop();
