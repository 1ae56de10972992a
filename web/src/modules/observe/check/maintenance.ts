const DAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const DAY_NAMES = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const NTH = ['', 'first', 'second', 'third', 'fourth', 'fifth'];

/** A local time as the plans of the API have it: 2026-11-02T22:00:00. */
export function localTime(iso: string, zone: string): string {
  const p = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(new Date(iso));
  const get = (type: string) => p.find((x) => x.type === type)?.value ?? '';
  return `${get('year')}-${get('month')}-${get('day')}T${get('hour')}:${get('minute')}:${get('second')}`;
}

/** The repetitions that a first local time suggests, as rules with their names. */
export function repeats(local: string): { value: string; label: string }[] {
  const d = new Date(`${local}Z`);
  if (Number.isNaN(d.getTime())) return [{ value: '', label: 'Once' }];
  const day = d.getUTCDay();
  const nth = Math.ceil(d.getUTCDate() / 7);
  const rules = [
    '',
    'FREQ=DAILY',
    'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR',
    `FREQ=WEEKLY;BYDAY=${DAYS[day]}`,
    ...(nth < 5 ? [`FREQ=MONTHLY;BYDAY=${nth}${DAYS[day]}`] : []),
    ...(d.getUTCDate() > 21 ? [`FREQ=MONTHLY;BYDAY=-1${DAYS[day]}`] : []),
    ...(d.getUTCDate() < 29 ? [`FREQ=MONTHLY;BYMONTHDAY=${d.getUTCDate()}`] : ['FREQ=MONTHLY;BYMONTHDAY=-1']),
  ];
  return rules.map((value) => ({ value, label: describe(value) }));
}

/** A rule in words; one that is less usual stays as it is written. */
export function describe(rule: string): string {
  if (!rule) return 'Once';
  const parts = new Map(rule.split(';').map((p) => p.split('=', 2) as [string, string]));
  const freq = parts.get('FREQ');
  const by = parts.get('BYDAY') ?? '';
  const date = parts.get('BYMONTHDAY');
  if (parts.size === 1 && freq === 'DAILY') return 'Every day';
  if (parts.size !== 2) return rule;
  if (freq === 'WEEKLY' && by === 'MO,TU,WE,TH,FR') return 'Every weekday';
  if (freq === 'WEEKLY' && by) {
    const names = by.split(',').map((d) => DAY_NAMES[DAYS.indexOf(d)]);
    if (names.every(Boolean)) return `Every ${names.join(', ')}`;
  }
  const m = /^(-?\d)([A-Z]{2})$/.exec(by);
  const name = DAY_NAMES[DAYS.indexOf(m?.[2] ?? '')];
  if (freq === 'MONTHLY' && m && name) {
    const n = m[1] === '-1' ? 'last' : NTH[Number(m[1])];
    if (n) return `Every ${n} ${name} of the month`;
  }
  if (freq === 'MONTHLY' && date === '-1') return 'The last day of every month';
  if (freq === 'MONTHLY' && date && /^\d+$/.test(date)) return `Day ${date} of every month`;
  return rule;
}

/** The time between two moments as the API writes it. */
export function between(from: string, to: string): string {
  return `${Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000))}s`;
}
