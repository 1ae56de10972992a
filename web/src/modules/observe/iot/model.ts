import type { Device, Figure } from './queries';

const UNITS: [string, string][] = [
  ['_celsius', '°C'],
  ['_percent', '%'],
  ['_watts', 'W'],
  ['_kilowatt_hours', 'kWh'],
  ['_volts', 'V'],
  ['_amperes', 'A'],
  ['_hertz', 'Hz'],
  ['_hectopascals', 'hPa'],
  ['_lux', 'lx'],
  ['_ppm', 'ppm'],
  ['_ppb', 'ppb'],
  ['_micrograms_per_cubic_meter', 'µg/m³'],
  ['_decibels', 'dB'],
  ['_dbm', 'dBm'],
  ['_seconds', 's'],
  ['_meters', 'm'],
];

/** The name of a figure for people, and its unit. */
export function nameOf(f: Pick<Figure, 'metric' | 'sensor'>): { label: string; unit: string } {
  let label = f.metric.replace(/^iot_/, '');
  let unit = '';
  for (const [suffix, u] of UNITS)
    if (label.endsWith(suffix)) {
      label = label.slice(0, -suffix.length);
      unit = u;
      break;
    }
  label = label.replaceAll('_', ' ');
  label = label === 'co2' ? 'CO₂' : label.charAt(0).toUpperCase() + label.slice(1);
  return { label: f.sensor ? `${label} (${f.sensor.replaceAll('_', ' ')})` : label, unit };
}

const STATES = new Set(['iot_switch', 'iot_occupancy', 'iot_motion', 'iot_contact', 'iot_door', 'iot_window']);

/** A value with its unit; a state in words. */
export function valueText(f: Figure): string {
  if (STATES.has(f.metric)) return f.value > 0 ? 'on' : 'off';
  const { unit } = nameOf(f);
  const digits = Math.abs(f.value) >= 100 ? 0 : Math.abs(f.value) >= 10 ? 1 : 2;
  const text = String(Number(f.value.toFixed(digits)));
  return unit ? `${text} ${unit}` : text;
}

/** What a row shows first: up to three figures that are no battery and no signal. */
export const mainFigures = (d: Pick<Device, 'figures'>) =>
  d.figures.filter((f) => !/battery|link_quality|rssi|signal/.test(f.metric)).slice(0, 3);

/** The line that tries credentials. */
export function tryLine(host: string, port: string, name: string, password: string, profile: string): string {
  const [topic, body] =
    profile === 'tasmota'
      ? [`tele/${name}/SENSOR`, '{"AM2301":{"Temperature":21.5}}']
      : profile === 'zigbee2mqtt'
        ? [`${name}/lamp`, '{"state":"ON"}']
        : profile === 'homeassistant'
          ? [`${name}/state`, '{"temperature":21.5}']
          : [`devices/${name}`, '{"temperature":21.5}'];
  return `mosquitto_pub -h ${host} -p ${port} -u ${name} -P ${password} -q 1 -t '${topic}' -m '${body}'`;
}

/** The color of a room: blue at 16 °C or less, green at 21, red at 28 or more. */
export function heat(t: number | undefined): string | undefined {
  if (t === undefined) return undefined;
  const stops: [number, [number, number, number]][] = [
    [16, [66, 133, 244]],
    [21, [52, 168, 100]],
    [28, [226, 74, 66]],
  ];
  const first = stops[0];
  const last = stops[2];
  if (!first || !last) return undefined;
  let rgb = t <= first[0] ? first[1] : last[1];
  for (let i = 0; i + 1 < stops.length; i++) {
    const a = stops[i];
    const b = stops[i + 1];
    if (a && b && t >= a[0] && t <= b[0]) {
      const k = (t - a[0]) / (b[0] - a[0]);
      rgb = [0, 1, 2].map((n) => Math.round((a[1][n] ?? 0) + k * ((b[1][n] ?? 0) - (a[1][n] ?? 0)))) as typeof rgb;
    }
  }
  return `rgb(${rgb.join(' ')} / 0.28)`;
}
