import { startSender } from '../flow-sender.mjs';
import { axe, axeAll, check, freePort, openPage, signIn, startBrowser, startServer, until } from '../lib.mjs';

const PAGES = [
  '/observe/flows',
  '/observe/flows?by=app&compare=true',
  '/observe/flows?tab=paths',
  '/observe/flows?tab=records',
  '/observe/flows?tab=unusual',
  '/observe/flows?tab=exporters',
];

/** From the datagram of an exporter to who caused the traffic. */
async function run(step) {
  const port = await freePort();
  const server = await startServer({ settings: { MAINSTAY_LISTEN__NETFLOW: `127.0.0.1:${port}` } });
  const browser = await startBrowser();
  const sender = startSender(port, { sampling: 100, interfaces: { 3: 'Gi0/3' } });
  try {
    // An item with the address as its name is the exporter.
    await server.api('POST', '/api/v1/apply', 'items: [{name: 127.0.0.1, kind: network_device}]\n', 'application/yaml');
    const page = await openPage(browser);
    await signIn(page, server, { email: 'me@example.org' });

    step('an empty page says how to set up an exporter');
    await page.goto(`${server.url}/observe/flows`);
    await page.getByText('No flows yet').waitFor();
    await page.getByText(`softflowd -i eth0 -n 127.0.0.1:${port}`).waitFor();
    await axe(page, 'no flows');

    step('what an exporter sends shows by source');
    await sender.templates();
    await sender.names();
    await sender.flows([
      {
        src: '10.1.0.5',
        dst: '192.0.2.10',
        sport: 50000,
        dport: 443,
        flags: 27,
        in: 3,
        out: 4,
        bytes: 9_000,
        tos: 184,
      },
      { src: '192.0.2.10', dst: '10.1.0.5', sport: 443, dport: 50000, flags: 27, in: 4, out: 3, bytes: 400_000 },
      { src: '10.1.0.6', dst: '192.0.2.53', sport: 40000, dport: 53, proto: 17, in: 3, out: 4, bytes: 80, packets: 1 },
    ]);
    const total = (by) => server.api('GET', `/api/v1/flows/top?by=${by}&source=records`);
    await until('the records are stored', async () => (await total('src')).total.flows === 3);
    await page.reload();
    await page.getByRole('button', { name: '192.0.2.10' }).waitFor();
    await page.getByText('40.9 MB').first().waitFor();

    step('a click on a value drills down, and the address of the page says so');
    await page.getByRole('button', { name: '192.0.2.10' }).click();
    await page.getByRole('button', { name: '10.1.0.5' }).waitFor();
    check(decodeURIComponent(page.url()).includes('src:192.0.2.10'), `no filter in ${page.url()}`);
    await page.goBack();
    await page.getByRole('button', { name: '10.1.0.6' }).waitFor();

    step('an address with exporter, interface and time opens as it is');
    const filter = encodeURIComponent(JSON.stringify(['interface:127.0.0.1/3']));
    await page.goto(`${server.url}/observe/flows?by=app&filter=${filter}&from=-6h`);
    await page.getByText('Gi0/3').first().waitFor();
    await page.getByRole('button', { name: 'https', exact: true }).waitFor();

    step('the tab of the item leads to the traffic of an interface');
    await page.goto(`${server.url}/estate/items/127.0.0.1?tab=flows`);
    await page.getByRole('link', { name: 'Who uses this interface?' }).click();
    await page.getByRole('button', { name: '192.0.2.10' }).waitFor();

    step('a wrong filter is told in place');
    await page.goto(`${server.url}/observe/flows?filter=${encodeURIComponent('["src:nobody"]')}`);
    await page.getByText('must be an address').first().waitFor();

    step('limits of what is unusual are changed');
    await page.goto(`${server.url}/observe/flows?tab=unusual`);
    await page.getByRole('button', { name: 'How it is judged' }).click();
    await page.getByLabel('Ports of a scan').fill('50');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Traffic is judged by these settings').waitFor();
    check((await server.api('GET', '/api/v1/flows/settings')).settings.scan_ports === 50, 'the limit is not saved');

    await axeAll(browser, page, server, PAGES, step, ' of flows');
    check(page.errors.length === 0, `the browser reported: ${page.errors.join('; ')}`);
  } finally {
    sender.stop();
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
