// How quickly the first page is drawn, and how smoothly a list of 100,000 checks scrolls: `npm run paint` after `make
// build`. Checks are passive, a fifth of them change their state while the list moves. Prints a line for each figure.
import { openPage, signIn, startBrowser, startServer } from './lib.mjs';

const CHECKS = Number(process.env.CHECKS ?? 100_000);
const SECONDS = Number(process.env.SECONDS ?? 10);

const server = await startServer();
const browser = await startBrowser();
const at = (list, share) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];

async function firstPaint(path) {
  const page = await openPage(browser);
  await signIn(page, server);
  await page.goto(server.url + path, { waitUntil: 'load' });
  await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
  const ms = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  await page.context().close();
  return ms;
}

/** Turns the wheel for some seconds and tells how long each frame took, and when rows were missing. */
async function scroll(page, by) {
  await page.mouse.move(700, 500);
  await page.evaluate(() => {
    const grid = document.querySelector('[role=grid]');
    window.frames_ = [];
    window.empty_ = 0;
    let last = performance.now();
    const step = (now) => {
      window.frames_.push(now - last);
      last = now;
      if (grid.querySelectorAll('[role=row] a').length === 0) window.empty_++;
      window.ticking_ = requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  const end = Date.now() + SECONDS * 1000;
  while (Date.now() < end) await page.mouse.wheel(0, by);
  return page.evaluate(() => {
    cancelAnimationFrame(window.ticking_);
    return { frames: window.frames_, empty: window.empty_ };
  });
}

try {
  for (const path of ['/', '/observe/checks', '/incidents']) {
    const runs = [];
    for (let i = 0; i < 5; i++) runs.push(await firstPaint(path));
    console.log(
      `first contentful paint of ${path}, empty cache: median ${at(runs, 0.5).toFixed(0)} ms of ${runs.length}`,
    );
  }
  const lines = ['items:'];
  for (let i = 0; i < 200; i++) lines.push(`  - {name: h${i}, kind: host}`);
  lines.push('checks:');
  for (let i = 0; i < CHECKS; i++) lines.push(`  - {name: c${i}, item: h${i % 200}, every: 1h, passive: {}}`);
  await server.api('POST', '/api/v1/apply', lines.join('\n'), 'application/yaml');

  let run = true;
  const changes = (async () => {
    for (let i = 0; run; i++) {
      const name = `c${(i * 5) % CHECKS}`;
      await server.api('POST', `/api/v1/checks/${name}/result`, { state: i % 2 ? 'ok' : 'warning', output: `n ${i}` });
    }
  })();

  const page = await openPage(browser);
  await signIn(page, server);
  await page.goto(`${server.url}/observe/checks`);
  await page.locator('[role=grid] [role=row] a').first().waitFor();
  for (const [name, by] of [
    ['slowly', 120],
    ['quickly', 4000],
  ]) {
    const { frames, empty } = await scroll(page, by);
    console.log(
      `scrolled ${name} for ${SECONDS} s: ${frames.length} frames, p99 ${at(frames, 0.99).toFixed(0)} ms, ` +
        `longest ${Math.max(...frames).toFixed(0)} ms, ${empty} frames without any row`,
    );
  }
  const began = Date.now();
  await page.locator('[role=grid]').focus();
  await page.keyboard.press('End');
  await page.locator(`[role=row][aria-rowindex="${CHECKS + 1}"] a`).waitFor({ timeout: 20_000 });
  console.log(`to the last row with End: ${Date.now() - began} ms`);
  run = false;
  await changes;
  if (page.errors.length) console.log(page.errors);
} finally {
  await browser.close();
  await server.stop();
}
