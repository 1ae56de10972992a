const INT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number with separators: 12,345. */
export function integer(n: number): string {
  return INT.format(n);
}

/** A number with at most three significant digits below 1,000. */
export function number(n: number): string {
  if (!Number.isFinite(n)) return '–';
  const a = Math.abs(n);
  if (a >= 1000 || a === 0) return INT.format(n);
  return String(Number(n.toPrecision(3)));
}

/** A ratio of 0 to 1 as a percentage: 0.99953 gives "99.953 %". Never rounds up to 100 % what is below it. */
export function percent(ratio: number, digits = 3): string {
  if (!Number.isFinite(ratio)) return '–';
  const f = 10 ** digits;
  const p = ratio < 1 ? Math.min(Math.round(ratio * 100 * f) / f, 100 - 1 / f) : 100;
  return `${ratio === 1 ? 100 : Number(p.toFixed(digits))} %`;
}

/** Bytes in binary units: 1536 gives "1.5 KiB". */
export function bytes(n: number): string {
  if (!Number.isFinite(n)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let i = 0;
  let v = n;
  while (Math.abs(v) >= 1024 && i < units.length - 1) {
    v /= 1024;
    i++;
  }
  return `${Number(v.toPrecision(i === 0 && Math.abs(v) >= 1 ? 4 : 3))} ${units[i]}`;
}

/** Three digits and the sign of thousands, for a unit to follow: "1.5 M"; "– " for what is no number. */
export function decimal(n: number): string {
  if (!Number.isFinite(n)) return '– ';
  const units = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  let i = 0;
  let v = Math.abs(n);
  while (v >= 999.5 && i < units.length - 1) {
    v /= 1000;
    i++;
  }
  const text = i === 0 && v >= 1 ? String(Math.round(v)) : String(Number(v.toPrecision(3)));
  return `${n < 0 ? '-' : ''}${text} ${units[i]}`;
}

/** Bits per second in decimal units, as network people count: 1500000 gives "1.5 Mbit/s". */
export function bitRate(perSecond: number): string {
  return `${decimal(perSecond)}bit/s`;
}

/** Bytes in decimal units: "4.2 MB". Traffic is counted in them, not in those of memory. */
export function traffic(n: number): string {
  return `${decimal(n)}B`;
}

/** Milliseconds as a short measure: "0.42 ms", "37 ms", "1.24 s". For response times. */
export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms >= 1000) return `${Number((ms / 1000).toPrecision(3))} s`;
  return `${Number(ms.toPrecision(ms < 10 ? 2 : 3))} ms`;
}

/** Seconds as the two largest units: "2d 4h", "3m 20s", "12s". For how long something lasted. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const s = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(s / 86400), 'd'],
    [Math.floor((s % 86400) / 3600), 'h'],
    [Math.floor((s % 3600) / 60), 'm'],
    [s % 60, 's'],
  ];
  const i = parts.findIndex(([n]) => n > 0);
  if (i < 0) return '0s';
  return parts
    .slice(i, i + 2)
    .filter(([n]) => n > 0)
    .map(([n, u]) => `${n}${u}`)
    .join(' ');
}

/** Formats by the unit of a metric: "seconds", "bytes", "percent" (0 to 100), "ratio" (0 to 1), "ms", or any other word behind the number. */
export function byUnit(n: number, unit: string | undefined): string {
  switch (unit) {
    case 'seconds':
    case 's':
      return milliseconds(n * 1000);
    case 'ms':
      return milliseconds(n);
    case 'bytes':
    case 'B':
      return bytes(n);
    case 'B/s':
      return `${bytes(n)}/s`;
    case 'bit/s':
      return bitRate(n);
    case 'ratio':
      return percent(n, 1);
    case 'percent':
    case '%':
      return `${number(n)} %`;
    default:
      return unit ? `${number(n)} ${unit}` : number(n);
  }
}

/** The difference of a machine's clock in words; undefined when it does not matter. */
export function skewText(ms: number): string | undefined {
  const s = Math.abs(ms) / 1000;
  if (s < 2) return undefined;
  return `${duration(Math.round(s))} ${ms > 0 ? 'ahead' : 'behind'}`;
}
