import { axeAll, check, openPage, signIn, startBrowser, startServer } from '../lib.mjs';

const PAGES = [
  '/estate/items/shop-db',
  '/estate/items/shop-db?tab=connections',
  '/estate/items/shop-web?tab=impact',
  '/estate/item-proposals',
  '/estate/topology',
  '/estate/topology?layer=service',
  '/estate/prefixes',
  '/estate/addresses',
  '/estate/vlans',
  '/estate/assets',
  '/estate/assets/A-00001',
  '/estate/stock',
  '/estate/licenses',
  '/estate/end-of-life',
  '/estate/expiring',
  '/estate/discovery',
  '/estate/discovery/new',
  '/estate/suggestions',
  '/estate/health',
  '/estate/import',
  '/estate/agents',
  '/estate/software',
  '/settings/item-kinds',
  '/settings/item-kinds?tab=approval',
  '/settings/credentials',
];

/** What the organization runs: a file of items, an address of a prefix, a change that a second person approves. */
async function run(step) {
  const server = await startServer({ discovery: true });
  const browser = await startBrowser();
  try {
    await server.api(
      'POST',
      '/api/v1/apply',
      `items:
  - {name: shop, kind: service, criticality: critical}
  - {name: shop-web, kind: application, part_of: [shop], depends_on: [shop-db]}
  - {name: shop-db, kind: database, criticality: high, attributes: {os: debian 11}}
prefixes:
  - {name: 10.1.0.0/16, status: container}
  - {name: 10.1.2.0/29, gateway: 10.1.2.1}
item_settings: {approval: {enabled: true, criticality: high}}
`,
      'application/yaml',
    );
    await server.api('POST', '/api/v1/assets', { title: 'Laptop', category: 'laptop', serial: 'PF-1' });
    const page = await openPage(browser);
    await signIn(page, server, { email: 'me@example.org' });

    step('the next free address of a prefix is taken');
    await page.goto(`${server.url}/estate/prefixes`);
    await page.getByText('10.1.2.0/29').click();
    await page.getByRole('button', { name: 'Take an address' }).click();
    await page.getByLabel('DNS name').fill('web-1.example.org');
    await page.getByRole('button', { name: 'Take it' }).click();
    await page.getByText('10.1.2.2 is yours.').waitFor();
    await page.getByText('1 of 6').first().waitFor();

    step('a file of items is checked, and then imported');
    await page.goto(`${server.url}/estate/import`);
    await page.setInputFiles('input[type=file]', {
      name: 'items.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('name,kind\nrack-1,location\nbad one,no-such-kind\n'),
    });
    await page.getByRole('button', { name: 'Show the changes' }).click();
    await page.getByText('no-such-kind').first().waitFor();
    await page.setInputFiles('input[type=file]', {
      name: 'items.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from('name,kind\nrack-1,location\nrack-2,location\n'),
    });
    await page.getByRole('button', { name: 'Show the changes' }).click();
    await page.getByRole('button', { name: 'Import 2 items' }).click();
    await page.getByRole('button', { name: 'Import', exact: true }).waitFor();
    check((await server.api('GET', '/api/v1/items/rack-2')).kind === 'location', 'rack-2 was not imported');

    step('a change of an important item waits for a second person');
    await server.api('PATCH', '/api/v1/items/shop-db', { criticality: 'low' });
    await page.goto(`${server.url}/estate/item-proposals`);
    await page.getByText('Change shop-db').waitFor();
    await page.getByRole('cell', { name: 'High', exact: true }).waitFor();

    await axeAll(browser, page, server, PAGES, step, ' of the estate');
    check(page.errors.length === 0, `the browser reported: ${page.errors.join('; ')}`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
