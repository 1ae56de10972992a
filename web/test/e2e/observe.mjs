import { axe, check, openPage, setUp, startBrowser, startServer, startTarget, until } from '../lib.mjs';

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
    await page.getByLabel('Url', { exact: false }).fill(target.url);
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
    await page.getByLabel('Url', { exact: false }).fill('nonsense');
    await page.getByRole('button', { name: 'Add the check' }).click();
    await page.getByText(/must/).first().waitFor();

    step('every page in light, too');
    const light = await openPage(browser, { scheme: 'light' });
    await light.context().addCookies(await page.context().cookies());
    for (const path of [
      '/',
      '/estate/items',
      '/estate/items/new',
      '/observe/checks',
      '/observe/checks/shop-http',
      '/observe/downtimes',
    ]) {
      await light.goto(server.url + path);
      await light.getByRole('heading').first().waitFor();
      await light.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
      await axe(light, `${path}, light`);
    }
    check(page.errors.length === 0, `the browser reported: ${page.errors.join('; ')}`);
    check(light.errors.length === 0, `the browser reported: ${light.errors.join('; ')}`);
  } finally {
    await browser.close();
    await target.stop().catch(() => {});
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
