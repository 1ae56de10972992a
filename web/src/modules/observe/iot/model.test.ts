import { expect, test } from 'vitest';
import { heat, mainFigures, nameOf, tryLine, valueText } from './model';

const f = (metric: string, value: number, sensor?: string) => ({ metric, value, sensor, at: '2026-01-01T00:00:00Z' });

test('figures are named for people', () => {
  expect(nameOf(f('iot_temperature_celsius', 1, 'am2301'))).toEqual({ label: 'Temperature (am2301)', unit: '°C' });
  expect(nameOf(f('iot_co2_ppm', 1))).toEqual({ label: 'CO₂', unit: 'ppm' });
  expect(valueText(f('iot_temperature_celsius', 21.456))).toBe('21.5 °C');
  expect(valueText(f('iot_switch', 1))).toBe('on');
  expect(valueText(f('iot_steps', 1234.4))).toBe('1234');
});

test('battery and signal are no main figures', () => {
  const figures = [f('iot_battery_percent', 1), f('iot_power_watts', 2)];
  expect(mainFigures({ figures }).map((x) => x.metric)).toEqual(['iot_power_watts']);
});

test('a room has the color of its temperature', () => {
  expect(heat(undefined)).toBeUndefined();
  expect(heat(10)).toBe(heat(16));
  expect(heat(30)).toBe(heat(28));
  expect(heat(18)).not.toBe(heat(21));
});

test('the line to try uses a topic that the profile may publish to', () => {
  expect(tryLine('h', '1883', 'a', 'p', 'tasmota')).toContain("-t 'tele/a/SENSOR'");
  expect(tryLine('h', '1883', 'a', 'p', 'generic')).toContain("-t 'devices/a'");
});
