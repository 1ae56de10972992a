import { axeAll, check, openPage, signIn, startBrowser, startServer, until } from '../lib.mjs';

/** The network's ways: a path is added by hand, measured, looked at in a window, and reported. */
async function run(step) {
  const server = await startServer();
  const browser = await startBrowser();
  try {
    const page = await openPage(browser);
    await signIn(page, server, { email: 'me@example.org' });

    step('an empty wall says what to do');
    await page.goto(`${server.url}/observe/paths`);
    await page.getByText('No path is measured').waitFor();

    step('a path is added and measured');
    await page.getByRole('button', { name: 'Add a path' }).first().click();
    await page.getByLabel('Name').fill('to myself');
    await page.getByLabel('Target').fill('127.0.0.9');
    await page.getByLabel('Every').fill('1s');
    await page.getByRole('button', { name: 'Add the path' }).click();
    await page.getByRole('heading', { name: 'to myself' }).waitFor();
    await until('rounds', async () => (await server.api('GET', '/api/v1/paths/to%20myself')).rounds > 5);
    await page.getByRole('table', { name: 'Hops' }).getByText('127.0.0.9').waitFor();

    step('a window is dragged; it is part of the address');
    await page.reload();
    const graph = page.getByRole('img', { name: 'Round trip and loss of to myself' });
    const box = await graph.boundingBox();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.99, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.getByRole('button', { name: 'Back to now' }).waitFor();
    check(/from=.*to=/.test(page.url()), `the window is not in the address: ${page.url()}`);
    await page.getByRole('button', { name: 'Back to now' }).click();

    step('a comment is said');
    await page.getByRole('textbox', { name: 'Comment', exact: true }).fill('the line is changed');
    await page.getByRole('button', { name: 'Comment', exact: true }).click();
    await page.getByText('the line is changed').first().waitFor();

    step('the report is a PDF');
    const pdf = await page.request.get(`${server.url}/api/v1/paths/to%20myself/report?zone=Europe/Berlin`);
    check((await pdf.body()).subarray(0, 5).toString() === '%PDF-', 'the report is no PDF');

    await axeAll(
      browser,
      page,
      server,
      ['/observe/paths', '/observe/paths/to%20myself?hop=1', '/observe/paths?add=true'],
      step,
      ' of paths',
    );
    check(page.errors.length === 0, `the browser reported: ${page.errors.join('; ')}`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
