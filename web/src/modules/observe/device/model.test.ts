import { describe, expect, it } from 'vitest';
import { bits, groups, portState, shown, usage } from './model';
import type { Port } from './queries';

const port = (p: Partial<Port>): Port => ({
  index: 1,
  name: 'Gi0/1',
  alias: '',
  type: 'ethernetCsmacd',
  admin_up: true,
  oper_up: true,
  speed_bps: 1e9,
  in_bytes_per_second: null,
  out_bytes_per_second: null,
  errors_per_second: null,
  discards_per_second: null,
  ...p,
});

describe('interfaces', () => {
  it('are down only when they should work', () => {
    expect(portState(port({}))).toBe('up');
    expect(portState(port({ oper_up: false }))).toBe('down');
    expect(portState(port({ oper_up: false, admin_up: false }))).toBe('off');
  });
  it('are as full as their busier direction', () => {
    expect(usage(port({}))).toBeUndefined();
    expect(usage(port({ in_bytes_per_second: 12.5e6, out_bytes_per_second: 62.5e6 }))).toBe(0.5);
    expect(usage(port({ in_bytes_per_second: 1, speed_bps: 0 }))).toBeUndefined();
  });
  it('stand with the broken ones first and are found by alias', () => {
    const list = [
      port({ index: 3, name: 'c', oper_up: false, admin_up: false }),
      port({ index: 2, name: 'b', alias: 'to Core' }),
      port({ index: 9, name: 'a', oper_up: false }),
    ];
    expect(shown(list, undefined).map((p) => p.name)).toEqual(['a', 'b', 'c']);
    expect(shown(list, 'core').map((p) => p.name)).toEqual(['b']);
  });
  it('have their rate in bits', () => {
    expect([bits(null), bits(0), bits(950), bits(1_500_000), bits(2.5e9)]).toEqual([
      '',
      '0 bit/s',
      '950 bit/s',
      '1.5 Mbit/s',
      '2.5 Gbit/s',
    ]);
  });
});

describe('values of a device', () => {
  it('stand in groups, with amounts where they are known', () => {
    const g = (metric: string, labels: Record<string, string>, value: number, state?: string) => ({
      metric,
      labels,
      value,
      state,
    });
    const b = (n: number) => `${n} B`;
    expect(
      groups(
        [
          g('device_sensor_temperature', { sensor: 'CPU', unit: 'celsius' }, 41.5),
          g('device_memory_total_bytes', { memory: 'RAM' }, 100),
          g('device_memory_used_bytes', { memory: 'RAM' }, 25),
          g('device_memory_usage_ratio', { memory: 'RAM' }, 0.25),
          g('device_cpu_usage_ratio', { processor: '1' }, 0.07),
          g('device_sensor_state', { sensor: 'Fan' }, 1, 'normal'),
        ],
        b,
      ).map((x) => [x.title, ...x.list.map((v) => `${v.label}: ${v.text}`)]),
    ).toEqual([
      ['Processors', '1: '],
      ['Memory', 'RAM: 25 B of 100 B'],
      ['Sensors', 'CPU: 41.5 °C', 'Fan: normal'],
    ]);
  });
});
