// Shared by the end-to-end tests: a real server, a real browser, and small checks.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as netServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

export const TOKEN = 'e2e-token-0123456789abcdef0123456789abcdef';
const BIN = resolve(import.meta.dirname, '../../bin/mainstay');
const AXE = readFileSync(resolve(import.meta.dirname, '../node_modules/axe-core/axe.min.js'), 'utf8');

/** A port that is free now. */
export function freePort() {
  return new Promise((ok, bad) => {
    const s = netServer();
    s.once('error', bad);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => ok(port));
    });
  });
}

// A test that fails before its end must leave nothing running.
const running = new Set();
process.on('exit', () => {
  for (const { p, data } of running) {
    p.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  }
});

/** Starts bin/mainstay with an empty data directory. With bootstrap it has an admin token, else a setup link. `settings` are variables such as MAINSTAY_LISTEN__NETFLOW. */
export async function startServer({ bootstrap = true, discovery = false, settings = {} } = {}) {
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), 'mainstay-e2e-'));
  const env = { ...process.env, MAINSTAY_DISCOVERY__HOST: String(discovery), ...settings };
  delete env.MAINSTAY_BOOTSTRAP_TOKEN;
  if (bootstrap) env.MAINSTAY_BOOTSTRAP_TOKEN = TOKEN;
  const p = spawn(BIN, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, '--log-level', 'warn'], {
    env,
  });
  const mine = { p, data };
  running.add(mine);
  let out = '';
  let err = '';
  p.stdout.on('data', (b) => (out += b));
  p.stderr.on('data', (b) => (err += b));
  const url = `http://127.0.0.1:${port}`;
  await until('the server is ready', async () => {
    if (p.exitCode !== null) throw new Error(`the server ended: ${err}`);
    return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok;
  });
  return {
    url,
    port,
    setupLink: () => /http:\S+\/setup\?token=\S+/.exec(out)?.[0],
    log: () => err,
    /** Asks the API as the administrator; gives what it answers, throws what it refuses. */
    async api(method, path, body, type = 'application/json') {
      const res = await fetch(url + path, {
        method,
        headers: { Authorization: `Bearer ${TOKEN}`, ...(body === undefined ? {} : { 'Content-Type': type }) },
        body: body === undefined || type !== 'application/json' ? body : JSON.stringify(body),
      });
      const text = await res.text();
      if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text}`);
      return text ? JSON.parse(text) : undefined;
    },
    async stop() {
      const gone = new Promise((ok) => p.once('exit', ok));
      p.kill('SIGTERM');
      await gone;
      running.delete(mine);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A web server that can be stopped and started again on its port; it keeps what is posted to it. */
export async function startTarget() {
  const port = await freePort();
  const posted = [];
  let server;
  const start = () =>
    new Promise((ok) => {
      server = createServer((req, res) => {
        let body = '';
        req.on('data', (b) => (body += b));
        req.on('end', () => {
          if (req.method === 'POST') posted.push(body);
          res.end('all ok');
        });
      }).listen(port, '127.0.0.1', ok);
    });
  const stop = () =>
    new Promise((ok) => {
      server.close(ok);
      server.closeAllConnections();
    });
  await start();
  return { port, posted, url: `http://127.0.0.1:${port}/`, start, stop };
}

export async function startBrowser() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return browser;
}

/** A page that fails the test when the browser reports an error. */
export async function openPage(browser, { scheme = 'dark', phone = false } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: phone ? { width: 390, height: 844 } : { width: 1440, height: 900 },
    hasTouch: phone,
    isMobile: phone,
    reducedMotion: 'reduce',
  });
  await context.addInitScript((s) => localStorage.setItem('mantine-color-scheme-value', s), scheme);
  const page = await context.newPage();
  page.errors = [];
  page.on('pageerror', (e) => page.errors.push(String(e)));
  page.on('console', (m) => {
    // A refused request is logged by the browser; the page shows it itself.
    if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) page.errors.push(m.text());
  });
  return page;
}

/** Makes the first account by the setup link, as a newcomer does. */
export async function setUp(
  page,
  server,
  { name = 'Ada Ops', email = 'ada@example.org', password = 'correct horse battery' } = {},
) {
  await page.goto(server.setupLink());
  await page.getByLabel(/^name/i).fill(name);
  await page.getByLabel(/e-mail/i).fill(email);
  await page
    .getByLabel(/^password/i)
    .first()
    .fill(password);
  const again = page.getByLabel(/again|repeat|confirm/i);
  if (await again.count()) await again.first().fill(password);
  await page.getByRole('button', { name: /create|make|set up|start/i }).click();
  await page.getByRole('navigation').first().waitFor();
}

/** Signs in; the person is made over the API the first time. */
export async function signIn(
  page,
  server,
  { email = 'ada@example.org', password = 'correct horse battery', role = 'admin' } = {},
) {
  await server.api('POST', '/api/v1/people', { email, name: 'Ada Ops', role, password }).catch((e) => {
    if (!e.message.includes(': 409 ')) throw e;
  });
  const res = await page.request.post(`${server.url}/api/v1/session`, { data: { email, password } });
  if (!res.ok()) throw new Error(`sign in: ${res.status()} ${await res.text()}`);
}

export async function until(what, cond, ms = 20_000) {
  const end = Date.now() + ms;
  for (;;) {
    const v = await cond();
    if (v) return v;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms / 1000} s`);
    await new Promise((ok) => setTimeout(ok, 50));
  }
}

/** Runs axe on the page and fails on any violation of WCAG 2.2 AA or best practice. */
export async function axe(page, where) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const r = await window.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      rules: { 'label-content-name-mismatch': { enabled: false } },
    });
    return r.violations.map(
      (v) =>
        `${v.id}: ${v.nodes
          .slice(0, 3)
          .map((n) => n.target.join(' '))
          .join(' | ')}`,
    );
  });
  if (found.length) throw new Error(`axe on ${where}: ${found.join('; ')}`);
}

/** Runs axe on pages in both color schemes, as the person of `page`, and fails on what the browser reports. */
export async function axeAll(browser, page, server, paths, step, what) {
  for (const scheme of ['dark', 'light']) {
    step(`axe finds nothing on any page${what}, ${scheme}`);
    const other = await openPage(browser, { scheme });
    await other.context().addCookies(await page.context().cookies());
    for (const path of paths) {
      await other.goto(server.url + path);
      await other.getByRole('heading').first().waitFor();
      await other.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
      await axe(other, `${path}, ${scheme}`);
    }
    check(other.errors.length === 0, `the browser reported: ${other.errors.join('; ')}`);
    await other.context().close();
  }
}

export function check(cond, message) {
  if (!cond) throw new Error(message);
}
