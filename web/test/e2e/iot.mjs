import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { axe, check, freePort, openPage, signIn, startBrowser, startServer, until } from '../lib.mjs';

const SHOTS = process.env.SHOTS;

/** A sensor is added on the page, speaks over MQTT, stands in a room and is told to switch. */
async function run(step) {
  const port = await freePort();
  const server = await startServer({ settings: { MAINSTAY_LISTEN__MQTT: `127.0.0.1:${port}` } });
  const browser = await startBrowser();
  const say = (user, password, topic, message) =>
    execFileSync('mosquitto_pub', [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-u',
      user,
      '-P',
      password,
      '-q',
      '1',
      '-t',
      topic,
      '-m',
      message,
    ]);
  const shot = async (page, name) => {
    if (!SHOTS) return;
    mkdirSync(SHOTS, { recursive: true });
    await page.screenshot({ path: `${SHOTS}/${name}.png` });
  };
  try {
    const page = await openPage(browser);
    await signIn(page, server);
    await page.goto(`${server.url}/observe/iot`);
    await page.getByText('No device has said anything yet').waitFor();
    await shot(page, 'empty');

    step('credentials are made and shown once');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByLabel('Name').fill('cellar');
    await page.getByRole('button', { name: 'Make credentials' }).click();
    const line = await page.locator('pre').textContent();
    check(line.startsWith(`mosquitto_pub -h 127.0.0.1 -p ${port} -u cellar -P `), `the line is ${line}`);
    await shot(page, 'credentials');
    execFileSync('sh', ['-c', line]);
    await page.getByRole('button', { name: 'Done' }).click();

    step('the device is listed with its figures');
    const password = / -P (\S+)/.exec(line)[1];
    say(
      'cellar',
      password,
      'devices/cellar',
      '{"temperature":21.5,"humidity":60,"battery":88,"rssi":-61,"energy":10,"power":42,"occupancy":true}',
    );
    await page.goto(`${server.url}/observe/iot`);
    await page.getByRole('link', { name: 'cellar' }).waitFor();

    step('a topic that nothing explains is mapped');
    await server.api('POST', '/api/v1/iot/clients', {
      name: 'plc',
      profile: 'generic',
      publish: ['hq/#'],
      password: 'plc-password-0123456789',
    });
    const freezer = () => say('plc', 'plc-password-0123456789', 'hq/lab/freezer/temp', '-18.5');
    freezer();
    await page.goto(`${server.url}/observe/iot?tab=unknown`);
    await page.getByText('hq/lab/freezer/temp').waitFor();
    await shot(page, 'unknown');
    await page.getByRole('button', { name: 'Map' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Map' }).click();
    await page.getByText('Every topic is understood').waitFor();
    freezer();

    step('the room is on a floor, and moved with the keyboard');
    const devices = await until('the freezer', async () => {
      const d = (await server.api('GET', '/api/v1/iot/devices')).items;
      return d.length === 2 && d;
    });
    const floor = (await server.api('GET', '/api/v1/iot/floors')).items[0].id;
    const cellar = devices.find((d) => d.name === 'cellar').id;
    await server.api('POST', '/api/v1/iot/rooms', { building: 'hq', room: 'kitchen' });
    const rooms = (await server.api('GET', `/api/v1/iot/floors/${floor}`)).room_list;
    const kitchen = rooms.find((r) => r.name === 'kitchen');
    await server.api('PATCH', `/api/v1/iot/devices/${cellar}`, { room: kitchen.id });
    await server.api('PUT', '/api/v1/iot/prices', {
      prices: [{ since: '2020-01-01T00:00:00Z', price: 0.3, currency: 'EUR' }],
    });
    await page.goto(`${server.url}/observe/iot/floors/${floor}`);
    await page.getByLabel('Move rooms').check();
    await page.getByRole('button', { name: /^kitchen/ }).focus();
    await page.keyboard.press('ArrowDown');
    await until('the room has moved', async () =>
      (await server.api('GET', `/api/v1/iot/floors/${floor}`)).room_list.some(
        (r) => r.id === kitchen.id && r.y === kitchen.y + 10,
      ),
    );

    const paths = {
      list: '/observe/iot',
      detail: `/observe/iot/${cellar}`,
      floors: '/observe/iot?tab=floors',
      floor: `/observe/iot/floors/${floor}`,
      connections: '/observe/iot?tab=clients',
      error: '/observe/iot/none',
    };
    for (const [scheme, phone] of [
      ['dark', false],
      ['light', false],
      ['dark', true],
    ]) {
      step(`axe finds nothing, ${scheme}${phone ? ', phone' : ''}`);
      const other = await openPage(browser, { scheme, phone });
      await other.context().addCookies(await page.context().cookies());
      for (const [name, path] of Object.entries(paths)) {
        await other.goto(server.url + path);
        await other.getByRole('heading').first().waitFor();
        await other.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
        await shot(other, `${name}-${scheme}${phone ? '-phone' : ''}`);
        await axe(other, `${path}, ${scheme}`);
      }
      check(other.errors.length === 0, `the browser reported: ${other.errors.join('; ')}`);
      await other.context().close();
    }
    check(page.errors.length === 0, `the browser reported: ${page.errors.join('; ')}`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

await run((s) => console.log(`  ${s}`));
