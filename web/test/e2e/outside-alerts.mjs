import { axeAll, check, openPage, signIn, startBrowser, startServer } from '../lib.mjs';

const alert = (name, instance, severity, ends) => ({
  labels: { alertname: name, instance, severity },
  annotations: { summary: `${name} on ${instance}`, description: 'Since five minutes.' },
  startsAt: new Date(Date.now() - 300_000).toISOString(),
  endsAt: ends,
  generatorURL: 'http://prometheus.example.org/graph',
});

/** Another program sends alerts; a person connects one that nobody knows. */
async function run(step) {
  const server = await startServer();
  const browser = await startBrowser();
  try {
    const page = await openPage(browser);
    await signIn(page, server);
    await server.api('POST', '/api/v1/items', { name: 'db-1', kind: 'host' });
    await page.goto(`${server.url}/detect/outside`);
    await page.getByText('No other program says').waitFor();
    await page.getByRole('link', { name: 'Connect a program' }).click();
    await page.getByText('path_prefix: /ingest/alertmanager').waitFor();
    await page.getByRole('button', { name: 'Zabbix' }).click();
    await page.waitForURL(/show=Zabbix/);
    await page.getByText('new HttpRequest()').waitFor();
    await page
      .getByLabel('What Zabbix sends')
      .fill('{"event_id":"7","event_value":"1","event_name":"Disk","host":"db-1"}');
    await page.getByRole('button', { name: 'Try', exact: true }).click();
    await page.getByText('db-1: Disk').waitFor();
    step('the page says what to set in a program, and tries a payload');

    const far = new Date(Date.now() + 3_600_000).toISOString();
    await page.goto(`${server.url}/detect/outside`);
    await server.api('POST', '/ingest/alertmanager/api/v2/alerts', [
      alert('DiskFull', 'db-1:9100', 'critical', far),
      alert('Slow', 'elsewhere:9100', 'warning', far),
      alert('Deployed', 'db-1:9100', 'info', far),
    ]);
    await page.getByRole('button', { name: 'Refresh' }).or(page.getByText('DiskFull on db-1:9100')).first().waitFor();
    await page.reload();
    await page.getByText('DiskFull on db-1:9100').first().click();
    await page.getByRole('link', { name: 'Open in Prometheus' }).waitFor();
    await page.getByRole('link', { name: 'db-1', exact: true }).waitFor();
    const incidents = await server.api('GET', '/api/v1/incidents');
    check(incidents.items.length >= 1, 'a critical alert of a known item becomes an incident');
    await page.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
    await page.getByText('ended it.').waitFor();
    step('an alert is on its item, leads back, and is ended by hand');

    await page.goto(`${server.url}/detect/outside?tab=mappings`);
    await page.getByRole('button', { name: 'Add a mapping' }).click();
    await page.getByLabel('Name').fill('backups');
    await page.getByRole('button', { name: 'Try', exact: true }).click();
    await page.getByRole('status').getByText('Backup of shop failed').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('/ingest/webhook/backups').waitFor();
    await server.api('POST', '/ingest/webhook/backups', {
      id: 7,
      name: 'Backup of db',
      status: 'failed',
      host: 'db-1',
    });
    await page.goto(`${server.url}/detect/outside?program=webhook`);
    await page.getByText('Backup of db').first().waitFor();
    step('a mapping is written, tried and used');

    await axeAll(
      browser,
      page,
      server,
      [
        '/detect/outside?state=all',
        '/detect/outside?tab=programs',
        '/detect/outside?tab=programs&show=Datadog',
        '/detect/outside?tab=mappings',
      ],
      step,
      ' of outside alerts',
    );
    check(page.errors.length === 0, page.errors.join('; '));
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
