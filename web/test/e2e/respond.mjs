// From a failing check to the report, through the real program: the incident is seen in the list, acknowledged on a
// phone, commented, resolved with a cause, and counted.
import assert from 'node:assert/strict';
import { axe, freePort, openPage, signIn, startBrowser, startServer, startTarget, until } from '../lib.mjs';

const EMAIL = 'ada@example.org';
const dead = await freePort();
const hook = await startTarget();
const OPS = `
teams: [{name: shop, title: Shop, members: [${EMAIL}]}]
items: [{name: shop, kind: service, title: Shop, owner: shop}]
checks: [{name: shop-port, item: shop, every: 1s, tcp: {address: "127.0.0.1:${dead}"}}]
channels: [{name: hook, webhook: {url: "${hook.url}"}}]
schedules:
  - name: primary
    rotations: [{name: Week, members: [${EMAIL}], every: 168h, starts: "2026-01-05T09:00:00"}]
escalations: [{name: standard, steps: [{notify: [{schedule: primary}, {channel: hook}], after: 0s}]}]
policies: [{name: default, escalation: standard, resolve: manual}]
`;

const app = await startServer();
const chrome = await startBrowser();
try {
  const page = await openPage(chrome, { scheme: 'light' });
  await signIn(page, app, { email: EMAIL });

  // The file is applied in the browser: first what would change, then for good.
  await page.goto(`${app.url}/settings/ops-yaml`);
  await page.getByLabel('Text of the file').fill(OPS);
  await page.getByRole('button', { name: 'Show the changes' }).click();
  await page.getByRole('heading', { name: 'What would change' }).waitFor();
  assert.ok(!(await app.api('GET', '/api/v1/items')).items.some((x) => x.name === 'shop'), 'a dry run keeps nothing');
  await axe(page, 'ops.yaml');
  await page.getByRole('button', { name: /^Apply \d+ changes$/ }).click();
  await page.getByRole('heading', { name: 'What was changed' }).waitFor();

  // The incident comes by itself.
  await page.goto(`${app.url}/respond/incidents`);
  const { number } = await until('the check has opened an incident', async () =>
    (await app.api('GET', '/api/v1/incidents')).items.find((x) => x.title.includes('shop-port')),
  );
  await page.reload();
  await page.getByRole('link', { name: /shop-port/ }).waitFor();
  await axe(page, 'The incidents');

  // The link in a message leads to it.
  const message = JSON.parse(await until('the hook was told', () => hook.posted[0]));
  await page.goto(message.incident.url);
  await page.getByRole('heading', { level: 1, name: number }).waitFor();

  // On a phone: the title, the state and the one big button, without scrolling.
  const phone = await openPage(chrome, { scheme: 'light', phone: true });
  await signIn(phone, app, { email: EMAIL });
  await phone.goto(`${app.url}/respond/incidents/${number}`);
  const ack = phone.getByRole('button', { name: 'Acknowledge' });
  await ack.waitFor();
  const box = await ack.boundingBox();
  assert.ok(
    box && box.height >= 48 && box.width > 300 && box.y + box.height < 500,
    `the button stands at ${JSON.stringify(box)}`,
  );
  assert.ok(
    (await phone.evaluate(() => document.documentElement.scrollWidth)) <= 390,
    'the page does not scroll sideways',
  );
  await axe(phone, 'The incident on a phone');
  await ack.tap();
  await phone.getByRole('button', { name: 'Start work' }).waitFor();
  assert.equal((await app.api('GET', `/api/v1/incidents/${number}`)).state, 'acknowledged');

  // The desktop hears of it, comments and resolves.
  await page.goto(`${app.url}/respond/incidents/${number}`);
  await page.getByLabel('Comment', { exact: true }).fill('The **pool** was empty.');
  await page.getByRole('button', { name: 'Comment', exact: true }).click();
  await page.getByRole('list', { name: 'Timeline' }).getByText('pool', { exact: true }).waitFor();
  assert.equal(await page.locator('strong', { hasText: 'pool' }).count(), 1, 'Markdown is shown');
  await phone.getByRole('list', { name: 'Timeline' }).getByText('pool', { exact: true }).waitFor();
  await axe(page, 'The incident');
  await page.getByRole('button', { name: 'Resolve', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await dialog.getByText('Say what was done.').waitFor();
  await dialog.getByLabel('What was done').fill('Made the pool larger.');
  await dialog.getByRole('combobox', { name: 'Cause' }).click();
  await page.getByRole('option', { name: 'Capacity' }).click();
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await page.getByRole('button', { name: 'Reopen' }).waitFor();
  const i = await app.api('GET', `/api/v1/incidents/${number}`);
  assert.deepEqual([i.state, i.cause_code, i.resolution_note], ['resolved', 'capacity', 'Made the pool larger.']);

  // The report counts it, with the definitions beside the figures.
  await page.goto(`${app.url}/report/availability?item=shop&from=-7d`);
  await page.getByRole('heading', { name: 'MTTA, mean time to acknowledge' }).waitFor();
  await page.getByText('mean(acknowledged - detected)').waitFor();
  await page.getByRole('link', { name: number }).waitFor();
  await axe(page, 'The report');

  for (const [path, name] of [
    ['/respond/alerts', 'Alerts'],
    ['/respond/silences', 'Silences'],
    ['/respond/oncall', 'On call'],
    ['/respond/schedules/primary', 'primary'],
    ['/respond/escalations', 'Escalations'],
    ['/respond/escalations/standard', 'standard'],
    ['/respond/notifications', 'Notifications'],
    ['/settings/channels', 'Channels'],
    ['/settings/mail', 'Mail server'],
    ['/settings/heartbeat', 'Heartbeat'],
    ['/settings/contacts', 'How you are told'],
    ['/observe/downtimes', 'Maintenance'],
    ['/settings/people', 'People'],
    ['/settings/teams', 'Teams'],
    ['/settings/policies', 'Policies'],
    ['/settings/tokens', 'API tokens'],
    ['/settings/audit', 'Audit log'],
    ['/settings/about', 'About'],
    ['/report/availability', 'Availability'],
  ]) {
    await page.goto(app.url + path);
    await page.getByRole('heading', { level: 1, name }).waitFor();
    await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => {});
    assert.equal(await page.getByText('could not be shown').count(), 0, `${name} shows an error`);
    await axe(page, name);
  }
  assert.deepEqual([...page.errors, ...phone.errors], [], 'the browser reported nothing');
} finally {
  await chrome.close();
  await hook.stop();
  await app.stop();
}
