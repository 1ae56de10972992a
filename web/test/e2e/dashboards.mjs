import { axe, check, openPage, signIn, startBrowser, startServer, until } from '../lib.mjs';

/** A dashboard is made, moved by keys and pointer, saved, shown by a link, and the link is ended. */
async function run(step) {
  const server = await startServer();
  const browser = await startBrowser();
  try {
    await server.api(
      'POST',
      '/api/v1/apply',
      'items: [{name: shop, kind: service}]\nchecks: [{name: port, item: shop, attempts: 1, passive: {}}]',
      'application/yaml',
    );
    await server.api('POST', '/api/v1/checks/port/result', { state: 'critical', output: 'it is down' });
    await until('the state is stored', async () => {
      const q = await server.api('GET', '/prometheus/api/v1/query?query=check_status');
      return q.data.result.length > 0;
    });
    const page = await openPage(browser);
    await signIn(page, server);
    await page.goto(`${server.url}/report/dashboards`);
    await page.getByRole('link', { name: 'Kubernetes node' }).waitFor();
    await axe(page, 'the list of dashboards');
    await page.getByRole('button', { name: 'Make a dashboard' }).click();
    await page.getByLabel('Title').fill('My shop');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.waitForURL(/my-shop\?edit=true/);

    for (const [title, kind, query] of [
      ['Checks', 'Graph', 'check_status'],
      ['What is down', 'Items with their state', undefined],
      ['Now', 'Number', 'sum('],
    ]) {
      await page.getByRole('button', { name: 'Add a panel' }).first().click();
      const form = page.getByRole('dialog');
      await form.getByLabel('Title').fill(title);
      await form.getByRole('combobox', { name: 'Shows' }).or(form.getByLabel('Shows')).first().click();
      await page.getByRole('option', { name: kind, exact: true }).click();
      if (query) {
        await form.locator('textarea').first().fill(query);
        if (kind === 'Graph') {
          await form.getByLabel('Name of a line').fill('{{check}}');
          await form.getByRole('button', { name: /^port/ }).waitFor();
        } else
          await form
            .getByRole('alert')
            .getByText(/parse error/)
            .waitFor();
      } else await form.getByText('Critical').first().waitFor();
      await form.getByRole('button', { name: 'Done' }).click();
      await form.waitFor({ state: 'hidden' });
    }
    step('panels answer while they are made, and say what is wrong in their place');

    const panel = page.getByRole('group', { name: 'Checks' });
    await panel.focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowDown');
    const box = await panel.locator('h2').boundingBox();
    await page.mouse.move(box.x + 5, box.y + 8);
    await page.mouse.down();
    await page.mouse.move(box.x + 305, box.y + 8, { steps: 5 });
    await page.mouse.up();
    await page
      .getByRole('group', { name: 'Now' })
      .getByRole('button', { name: /Remove/ })
      .click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('My shop was saved.').waitFor();
    const { panels } = await server.api('GET', '/api/v1/dashboards/my-shop');
    check(panels.length === 2 && panels[0].h === 9 && panels[0].x > 5, `moved and sized: ${JSON.stringify(panels[0])}`);
    await axe(page, 'a dashboard');
    step('moved and sized by keys and pointer, saved');

    await page.getByRole('button', { name: 'More', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Share by link' }).click();
    await page.getByRole('button', { name: 'Make a link' }).click();
    const link = await page.getByRole('dialog').locator('code').innerText();
    const guest = await openPage(browser);
    await guest.goto(link.trim());
    await guest.getByRole('group', { name: 'What is down' }).getByText('shop').waitFor();
    await guest.getByRole('button', { name: /^port/ }).waitFor();
    check((await guest.getByRole('navigation').count()) === 0, 'a guest sees nothing else');
    await axe(guest, 'a shared dashboard');
    await page.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByText('The link works no more.').waitFor();
    await guest.reload();
    await guest.getByText('This link does not work').waitFor();
    step('shown to a guest by a link, until it ends');

    await page.goto(`${server.url}/report/dashboards/mainstay`);
    await page.getByRole('heading', { name: 'Goroutines' }).waitFor();
    await page.keyboard.press('f');
    await page.waitForURL(/wall=true/);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Copy to change' }).waitFor();
    check(page.errors.length === 0, page.errors.join('; '));
    step('full screen and back');
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
