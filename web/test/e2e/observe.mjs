import { axe, axeAll, check, openPage, setUp, startBrowser, startServer, startTarget, until } from '../lib.mjs';

const MANY = 3000;
const PAGES = [
  '/',
  '/estate/items',
  '/estate/items/new',
  '/estate/items/shop',
  '/estate/items/shop?tab=impact',
  '/estate/items/shop?tab=dependencies',
  '/estate/items/shop?tab=history',
  '/estate/items/shop/edit',
  '/observe/checks',
  '/observe/checks/new',
  '/observe/checks/shop-http',
  '/observe/checks/shop-http/edit',
  '/observe/downtimes',
  '/observe/downtimes?new=true',
];

/** A newcomer: the setup link, this machine on the map, a check by form, its state live. */
async function run(step) {
  const server = await startServer({ bootstrap: false, discovery: true });
  const target = await startTarget();
  const browser = await startBrowser();
  try {
    const page = await openPage(browser);
    step('the one-time link makes the first account');
    await setUp(page, server);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();

    step('this machine and its services show by themselves');
    await page.getByRole('heading', { name: 'This machine', exact: true }).waitFor({ timeout: 15_000 });
    await page.getByText('Found on this machine, not watched yet').waitFor({ timeout: 15_000 });
    await axe(page, 'overview, dark');

    step('one click accepts a suggested check');
    const before = await page.getByRole('button', { name: 'Accept', exact: true }).count();
    await page.getByRole('button', { name: 'Accept', exact: true }).first().click();
    await until(
      'one suggestion less',
      async () => (await page.getByRole('button', { name: 'Accept', exact: true }).count()) < before,
    );

    step('a check is added by form');
    await page.goto(`${server.url}/observe/checks/new?type=http`);
    await page.getByLabel('Name', { exact: false }).first().fill('shop-http');
    await page.getByLabel('URL', { exact: false }).fill(target.url);
    await page.getByLabel('Every', { exact: false }).first().fill('1s');
    await page.getByLabel('Retry every').fill('500ms');
    await axe(page, 'check form');
    await page.getByRole('button', { name: 'Add the check' }).click();
    await page.getByRole('heading', { name: 'shop-http' }).waitFor();

    step('its state is live, without reloading');
    const state = page.getByText('State', { exact: true }).locator('xpath=..');
    await until('ok', async () => /ok/i.test(await state.innerText()));
    await target.stop();
    await until('critical', async () => /critical/i.test(await state.innerText()), 15_000);
    await target.start();
    await until('ok again', async () => /ok/i.test(await state.innerText()), 15_000);
    await axe(page, 'check');

    step('a mistake is shown at its field');
    await page.goto(`${server.url}/observe/checks/new?type=http`);
    await page.getByLabel('Name', { exact: false }).first().fill('bad');
    await page.getByLabel('URL', { exact: false }).fill('nonsense');
    await page.getByRole('button', { name: 'Add the check' }).click();
    await page.getByText(/must/).first().waitFor();

    step('maintenance is planned by form and ended');
    await page.goto(`${server.url}/observe/downtimes?new=true&check=shop-http`);
    await page.getByLabel('What is done').fill('Upgrade of the shop');
    await page.getByRole('button', { name: 'Plan', exact: true }).click();
    await page.getByRole('cell', { name: 'Upgrade of the shop' }).waitFor();
    await axe(page, 'maintenance');
    await page.getByRole('button', { name: /^(End|Cancel)$/ }).click();
    await page.getByRole('button', { name: 'End it' }).click();
    await page.getByText('No maintenance is planned').waitFor();

    step('an item is added, related, and shows what stops with it');
    await page.goto(`${server.url}/estate/items/new`);
    await page.getByLabel('Name', { exact: false }).first().fill('shop');
    await page.getByRole('button', { name: 'Add the item' }).click();
    await page.getByRole('heading', { name: 'shop', exact: true }).waitFor();
    await page.goto(`${server.url}/estate/items/new`);
    await page.getByLabel('Name', { exact: false }).first().fill('shop-db');
    await page.getByRole('button', { name: 'Add the item' }).click();
    await page.getByRole('heading', { name: 'shop-db', exact: true }).waitFor();
    await page.goto(`${server.url}/estate/items/shop`);
    await page.getByRole('combobox', { name: 'Other item' }).fill('shop-db');
    await page.getByRole('option', { name: 'shop-db' }).click();
    await page.getByRole('button', { name: 'Add relation' }).click();
    await page.getByRole('link', { name: 'shop-db', exact: true }).first().waitFor();
    await page.goto(`${server.url}/estate/items/shop-db?tab=impact`);
    await page.getByRole('cell', { name: 'shop Service' }).waitFor();
    await axe(page, 'impact');

    step('End goes to the last of many checks at once');
    const made = await page.evaluate(async (count) => {
      const name = (i) => `many-${String(i).padStart(4, '0')}`;
      const checks = Array.from({ length: count }, (_, i) => `  - {name: ${name(i)}, freshness: 24h, passive: {}}`);
      const r = await fetch('/api/v1/apply', {
        method: 'POST',
        headers: { 'Content-Type': 'application/yaml' },
        body: `checks:\n${checks.join('\n')}\n`,
      });
      return r.ok ? '' : r.text();
    }, MANY);
    check(!made, `apply: ${made}`);
    await page.goto(`${server.url}/observe/checks?q=many`);
    await page.getByText('many-0000').waitFor();
    const asked = [];
    page.on('request', (r) => r.url().includes('/api/v1/checks?') && asked.push(r.url()));
    await page.getByRole('grid').focus();
    await page.keyboard.press('End');
    await page.getByText(`many-${MANY - 1}`).waitFor();
    check(asked.length <= 2, `End needed ${asked.length} requests`);

    await axeAll(browser, page, server, PAGES, step, '');
    check(page.errors.length === 0, `the browser reported: ${page.errors.join('; ')}`);
  } finally {
    await browser.close();
    await target.stop().catch(() => {});
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
