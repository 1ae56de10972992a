import { axeAll, check, openPage, signIn, startBrowser, startServer, until } from '../lib.mjs';

const TRACE = '5b8efff798038103d269b633813fc60c';
const PAGES = [
  '/observe/logs',
  '/observe/services',
  '/observe/services?view=map',
  '/observe/services?view=statements',
  '/observe/services/cart',
  '/observe/traces',
  `/observe/traces/${TRACE}`,
  '/observe/errors',
  '/observe/sources',
  '/observe/sources?connect=true',
  '/observe/scraping',
  '/observe/traps',
  '/observe/edges',
  '/detect/rules',
  '/detect/rules/declined',
  '/detect/rules/new',
  '/detect/rules/import',
  '/detect/slos',
  '/detect/patterns',
  '/detect/patterns?tab=signals',
  '/detect/patterns?tab=alerts',
  '/observe/logs/parsers',
  '/observe/logs/parsers/new?sample=order%3D7',
];

const attributes = (o) => Object.entries(o).map(([key, v]) => ({ key, value: { stringValue: v } }));
const nanos = (ms = 0) => String((Date.now() + ms) * 1_000_000);

/** What software says: a trace, its lines and a rule on them, from the sender to the screen. */
async function run(step) {
  const server = await startServer();
  const browser = await startBrowser();
  try {
    const resource = {
      attributes: attributes({ 'service.name': 'cart', 'service.version': '1.2.3', 'host.name': 'web-1' }),
    };
    await server.api(
      'POST',
      '/api/v1/apply',
      `items: [{name: web-1, kind: host}]
rules:
  - {name: declined, logs: declined, window: 10m, every: 10s, annotations: {summary: Payments are declined}}
`,
      'application/yaml',
    );
    const span = (id, parent, name, kind, rest = {}) => ({
      traceId: TRACE,
      spanId: id,
      parentSpanId: parent,
      name,
      kind,
      startTimeUnixNano: nanos(-900),
      endTimeUnixNano: nanos(-100),
      status: {},
      ...rest,
    });
    await server.api('POST', '/ingest/otlp/v1/traces', {
      resourceSpans: [
        {
          resource,
          scopeSpans: [
            {
              spans: [
                span('eee19b7ec3c1b174', '', 'GET /cart', 2, {
                  status: { code: 2 },
                  events: [
                    {
                      name: 'exception',
                      timeUnixNano: nanos(-100),
                      attributes: attributes({
                        'exception.type': 'Declined',
                        'exception.message': 'card 4711 was declined',
                      }),
                    },
                  ],
                }),
                span('eee19b7ec3c1b175', 'eee19b7ec3c1b174', 'SELECT', 3, {
                  attributes: attributes({
                    'db.system': 'postgresql',
                    'db.statement': 'SELECT * FROM carts WHERE id = 7',
                  }),
                }),
              ],
            },
          ],
        },
      ],
    });
    await server.api('POST', '/ingest/otlp/v1/logs', {
      resourceLogs: [
        {
          resource,
          scopeLogs: [
            {
              logRecords: [
                {
                  timeUnixNano: nanos(),
                  severityText: 'ERROR',
                  traceId: TRACE,
                  body: { stringValue: 'payment 4711 was declined' },
                },
              ],
            },
          ],
        },
      ],
    });
    const page = await openPage(browser);
    await signIn(page, server);

    step('the trace is found, opened, and leads to its statement');
    await until('the trace is stored', async () => (await server.api('GET', '/api/v1/traces')).items.length === 1);
    await page.goto(`${server.url}/observe/traces`);
    await page.getByText('GET /cart').first().click();
    await page.getByRole('button', { name: /SELECT/ }).click();
    await page.getByText('SELECT * FROM carts WHERE id = 7').waitFor();

    step('the logs of the trace are a click away');
    await page.getByRole('link', { name: 'Lines of this trace' }).click();
    await page.getByText('payment 4711 was declined').first().waitFor();

    step('the error is taken and resolved');
    await until('the error is gathered', async () => (await server.api('GET', '/api/v1/errors')).items.length === 1);
    await page.goto(`${server.url}/observe/errors`);
    await page.getByText('Declined').first().click();
    await page.getByRole('button', { name: 'Take it' }).click();
    await page.getByText('It is yours now.').waitFor();
    await page.getByRole('button', { name: 'Resolve' }).click();
    await page.getByRole('button', { name: 'Open again' }).waitFor();

    step('the rule on the lines raised an alert');
    await page.goto(`${server.url}/detect/rules/declined`);
    await page.getByText('Payments are declined').first().waitFor();

    step('a rule is tried on the past and added');
    await page.goto(`${server.url}/detect/rules/new`);
    await page.getByLabel('Name').fill('busy');
    await page.getByLabel('Question').fill('vector(1) > 0');
    await page.getByRole('button', { name: 'Try', exact: true }).click();
    await page.getByText('Would have fired', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Add the rule' }).click();
    await page.getByRole('heading', { name: 'busy' }).waitFor();

    await axeAll(browser, page, server, PAGES, step, ' of signals');
    check(page.errors.length === 0, `the browser reported: ${page.errors.join('; ')}`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
