import { axeAll, check, openPage, signIn, startBrowser, startServer } from '../lib.mjs';
import { webPage } from '../pcap.mjs';

/** A capture is uploaded, filtered from one of its fields, followed and judged. */
async function run(step) {
  const server = await startServer();
  const browser = await startBrowser();
  try {
    const page = await openPage(browser);
    await signIn(page, server);
    await page.goto(`${server.url}/observe/captures`);
    await page.getByText('No capture yet').waitFor();
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'page.pcap', mimeType: 'application/octet-stream', buffer: webPage() });
    await page.getByText('page.pcap').first().click();
    await page.getByText('ready, 7 packets').waitFor();
    step('a capture is uploaded and read');

    await page.getByText('GET /shop HTTP/1.1').first().click();
    const fields = page.getByRole('region', { name: 'Fields' });
    await fields.getByRole('button', { name: /^Host/ }).click();
    await page.getByText('http.host == "shop.example.org"').waitFor();
    // The byte of the source port leads to its field.
    await page.getByRole('region', { name: 'Bytes' }).locator('[data-at="34"]').first().click();
    await page.getByText('tcp.srcport == 50000').waitFor();
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await page.waitForURL(/filter=tcp.srcport/);
    await page.locator('[role=grid][aria-rowcount="6"]').waitFor();
    step('a field becomes a filter, a byte leads to its field');

    await page.getByLabel('Display filter').fill('tcp.srcprt == 1');
    await page.getByText(/did you mean tcp.srcport/).waitFor();
    check(await page.getByRole('button', { name: 'Apply' }).isDisabled(), 'a wrong filter cannot be applied');
    await page.getByRole('button', { name: 'Clear' }).click();
    step('a mistake in a filter is told where it is');

    await page.getByRole('tab', { name: 'Stream' }).click();
    await page.getByText('Host: shop.example.org').waitFor();
    await page.getByText('Content-Length: 5').waitFor();
    await page.getByRole('tab', { name: 'Findings' }).click();
    await page.getByText(/: Retransmission/).waitFor();
    await page.getByRole('button', { name: 'packet 5' }).first().click();
    await page.waitForURL(/packet=(5|%225%22)/);
    step('the stream is followed, the findings explained');

    await page.getByRole('tab', { name: 'Timing' }).click();
    await page.getByText('Sent again').waitFor();
    await page.getByRole('tab', { name: 'Conversations' }).click();
    await page
      .getByText('10.0.0.1:50000')
      .or(page.getByText(/:50000$/))
      .first()
      .click();
    await page.waitForURL(/filter=tcp.stream/);
    await page.getByRole('tab', { name: 'Endpoints' }).click();
    await page.getByRole('grid', { name: 'Endpoints' }).getByRole('row').nth(1).click();
    await page.waitForURL(/filter=ip.addr/);
    await page.getByRole('tab', { name: 'Protocols' }).click();
    await page.getByRole('button', { name: 'http', exact: true }).click();
    await page.waitForURL(/filter=http/);
    await page.getByRole('tab', { name: 'Objects' }).click();
    await page.getByRole('cell', { name: 'shop.example.org' }).first().waitFor();
    await page.getByRole('tab', { name: 'Graph' }).click();
    await page.getByLabel('Display filter of another line').fill('http');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.waitForURL(/line=/);
    await page.getByRole('button', { name: 'Remove http' }).waitFor();
    await page.getByLabel('Display filter of another line').fill('nothing ==');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('alert').first().waitFor();
    await page.getByRole('button', { name: 'Remove nothing ==' }).click();
    step('the tables, the graph and the objects of a capture lead to its packets');

    const at = new URL(page.url()).pathname;
    await axeAll(
      browser,
      page,
      server,
      [
        '/observe/captures',
        `${at}?packet=4`,
        `${at}?packet=4&tab=stream`,
        `${at}?tab=findings`,
        ...['conversations', 'endpoints', 'protocols', 'graph', 'objects'].map((v) => `${at}?view=${v}`),
      ],
      step,
      ' of captures',
    );
    await page.goto(`${server.url}/observe/captures/nope`);
    await page.getByText('There is no such capture').waitFor();
    check(page.errors.length === 0, page.errors.join('; '));
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
