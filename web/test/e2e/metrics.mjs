import { axe, check, openPage, signIn, startBrowser, startServer, until } from '../lib.mjs';

/** From the name of a metric to its graph, by completion and by the browser. */
async function run(step) {
  const server = await startServer();
  const browser = await startBrowser();
  try {
    const now = Date.now();
    const lines = [];
    for (let i = 0; i < 40; i++)
      for (const host of ['web-1', 'web-2'])
        lines.push(`shop_orders,host=${host} total=${i * 10} ${BigInt(now - (40 - i) * 15_000) * 1_000_000n}`);
    await server.api('POST', '/ingest/influx/write', lines.join('\n'), 'text/plain');
    await until('the metric', async () => (await server.api('GET', '/api/v1/metrics?q=orders')).items.length === 1);

    const page = await openPage(browser);
    await signIn(page, server);
    await page.goto(`${server.url}/observe/metrics`);
    const editor = page.getByRole('textbox', { name: 'Query A in PromQL' });
    await editor.click();
    await editor.pressSequentially('rate(shop_or', { delay: 20 });
    await page.getByRole('option', { name: /shop_orders_total/ }).click();
    await editor.pressSequentially('{ho', { delay: 20 });
    await page.getByRole('option', { name: /^host/ }).click();
    await editor.pressSequentially('=~"web.*"}[5m])');
    await editor.press('Enter');
    await page.getByRole('img', { name: /over time/ }).waitFor();
    check((await page.getByRole('button', { name: /^web-\d$/ }).count()) === 2, 'both hosts are in the legend');
    step('a query is completed and drawn');

    await page.getByRole('button', { name: 'web-1' }).click();
    check(new URL(page.url()).searchParams.has('only'), 'one series alone is in the address');
    await editor.fill('rate(shop_orders_total)');
    await page.getByText('expected type range vector').waitFor();
    step('a mistake is shown where it is');

    await page.goto(`${server.url}/observe/metrics?browse=true&metric=shop_orders_total`);
    await page.getByRole('button', { name: 'rate(shop_orders_total[5m])' }).click();
    await page.getByRole('img', { name: /over time/ }).waitFor();
    await axe(page, 'the metrics explorer');
    await page.getByText('Table', { exact: true }).click();
    await page.getByRole('cell', { name: 'web-2' }).first().waitFor();
    step('the browser and the table');
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
