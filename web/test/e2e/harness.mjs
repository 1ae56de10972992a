// Starts the real program on a free port with an empty data directory, and a browser that is signed in.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const BIN = process.env.MAINSTAY_BIN ?? fileURLToPath(new URL('../../../bin/mainstay', import.meta.url));
const TOKEN = 'e2e-bootstrap-token-0123456789abcdef';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const EMAIL = 'ada@example.org';
const PASSWORD = 'correct-horse-battery';

/** A port on which nobody listens. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.once('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

/** Asks until fn gives something true; fails after ms. */
export async function until(what, fn, ms = 30_000) {
  const end = Date.now() + ms;
  for (;;) {
    const v = await fn().catch(() => undefined);
    if (v) return v;
    if (Date.now() > end) throw new Error(`Waited ${ms} ms in vain: ${what}`);
    await new Promise((r) => setTimeout(r, 100));
  }
}

/** The running program. */
export async function start() {
  const dir = mkdtempSync(join(tmpdir(), 'mainstay-e2e-'));
  const base = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(BIN, ['serve', '--data', join(dir, 'data'), '--listen', base.slice(7)], {
    env: { ...process.env, MAINSTAY_BOOTSTRAP_TOKEN: TOKEN },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (d) => {
    log = (log + d).slice(-20_000);
  });
  const exited = new Promise((r) => child.once('exit', r));
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(dir, { recursive: true, force: true });
  };
  const api = async (method, path, body, type = 'application/json') => {
    const r = await fetch(base + path, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': type },
      body: body === undefined ? undefined : type === 'application/json' ? JSON.stringify(body) : body,
    });
    const text = await r.text();
    if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  try {
    await until('the program is ready', async () => (await fetch(`${base}/readyz`)).ok);
    await api('POST', '/api/v1/people', { email: EMAIL, name: 'Ada Moreno', role: 'admin', password: PASSWORD });
  } catch (e) {
    await stop();
    throw new Error(`${e.message}\n${log}`);
  }
  return { base, api, stop };
}

/** A browser, and pages of it that are signed in. */
export async function browser() {
  const b = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const page = async (base, options) => {
    const context = await b.newContext(options);
    const r = await context.request.post(`${base}/api/v1/session`, { data: { email: EMAIL, password: PASSWORD } });
    if (!r.ok()) throw new Error(`Signing in: ${r.status()} ${await r.text()}`);
    const p = await context.newPage();
    p.setDefaultTimeout(15_000);
    p.on('pageerror', (e) => {
      console.error(`Error in the page: ${e.message}`);
      process.exitCode = 1;
    });
    return p;
  };
  return { page, close: () => b.close() };
}

/** Fails when the page breaks a rule of WCAG 2.2 AA or of good practice. */
export async function accessible(page, name) {
  await page.evaluate(AXE);
  const bad = await page.evaluate(async () =>
    (
      await window.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        // An experimental rule; it takes the initials of the person for a label.
        rules: { 'label-content-name-mismatch': { enabled: false } },
      })
    ).violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`),
  );
  if (bad.length) throw new Error(`${name} is not accessible:\n${bad.join('\n')}`);
}
