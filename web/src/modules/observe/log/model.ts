/** One row of an answer: the fields by name. A line has _time and _stream_id. */
export type Row = Record<string, string>;

/** The levels from worst to least, with the color of each. */
export const LEVELS = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'info',
  'debug',
  'trace',
] as const;

const TONES: Record<string, string> = {
  emergency: '--sev-critical',
  alert: '--sev-critical',
  critical: '--sev-critical',
  error: '--st-down',
  warning: '--st-warn',
  notice: '--sev-low',
  info: '--st-ok',
  debug: '--st-unknown',
  trace: '--st-unknown',
};

/** The token of a level's color; grey for lines that do not say. */
export const toneOfLevel = (level: string) => TONES[level] ?? '--line-strong';

/** Whether a level asks for attention: warning or worse. */
export const isBad = (level: string) => (LEVELS as readonly string[]).slice(0, 5).includes(level);

/** "Error"; "No level" for lines that do not say. */
export const nameOfLevel = (level: string) => (level ? level.charAt(0).toUpperCase() + level.slice(1) : 'No level');

/** Worst first; what is no level comes last. */
export function byLevel(a: string, b: string): number {
  const at = (v: string) => {
    const i = (LEVELS as readonly string[]).indexOf(v);
    return i < 0 ? LEVELS.length : i;
  };
  return at(a) - at(b) || a.localeCompare(b);
}

/** Fields that the page shows in places of their own. */
const OWN = new Set(['_time', '_msg', '_stream', '_stream_id']);

/** The fields of a line for the list below it: those of the stream first as they come, then the others by name. */
export function fieldsOf(row: Row): [string, string][] {
  return Object.entries(row)
    .filter(([k]) => !OWN.has(k))
    .sort(([a], [b]) => a.localeCompare(b));
}

/** Tells lines apart. Two lines that are the same in everything count as one. */
export const keyOf = (r: Row) => `${r._time} ${r._stream_id} ${r._msg ?? ''}`;

/** Whether an answer has lines, and not the result of a calculation. */
export const isLines = (rows: Row[]) => rows.length === 0 || rows.some((r) => r._time && r._stream_id);

const PLAIN = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u;
const KEYWORDS = new Set(['and', 'or', 'not', 'in', 'by', 'if']);

/** A name or value as LogsQL takes it. */
export const token = (s: string) => (PLAIN.test(s) && !KEYWORDS.has(s.toLowerCase()) ? s : JSON.stringify(s));

/** The filter for one value of a field: name:="value". An empty value is a line without the field. */
export function filterFor(name: string, value: string, out = false): string {
  return `${out ? '-' : ''}${token(name)}:=${JSON.stringify(value)}`;
}

/** Splits a query into its filter and what follows the first | outside of quotes and brackets. */
export function splitPipes(query: string): [string, string] {
  let quote = '';
  let depth = 0;
  for (let i = 0; i < query.length; i++) {
    const c = query.charAt(i);
    if (quote) {
      if (c === '\\' && quote !== '`') i++;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === "'" || c === '`') quote = c;
    else if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    else if (c === '|' && depth <= 0) return [query.slice(0, i).trim(), query.slice(i).trim()];
  }
  return [query.trim(), ''];
}

/** Adds a filter to the first part of a query, or takes its opposite out. */
export function withFilter(query: string, name: string, value: string, out = false): string {
  const [filter, pipes] = splitPipes(query);
  const add = filterFor(name, value, out);
  const opposite = filterFor(name, value, !out);
  const words = filter.split(' ');
  if (words.includes(add)) return query;
  const rest = words.filter((w) => w !== opposite && w !== '*' && w !== '').join(' ');
  const bracketed = /(^|\s)or(\s|$)/i.test(rest) ? `(${rest})` : rest;
  return [bracketed, add, pipes].filter(Boolean).join(' ');
}

const PIPES = [
  'stats by ( ) count() as lines',
  'top 10 by ( )',
  'uniq by ( )',
  'sort by (_time desc)',
  'fields _time, _msg',
  'extract "<user> from <ip>"',
  'unpack_json',
  'unpack_logfmt',
  'limit 100',
];

/** What may be completed at the caret. `field` is set when values are wanted. */
export interface Wanted {
  start: number;
  word: string;
  field?: string;
  pipe?: boolean;
}

/** Looks at what stands before the caret. */
export function wantedAt(query: string, caret: number): Wanted | undefined {
  const before = query.slice(0, caret);
  const value = /(?:^|[\s(!-])("(?:[^"\\]|\\.)*"|[\w.@/-]+):=?("?[^\s"():|]*)$/.exec(before);
  if (value?.[1]) {
    const word = value[2] ?? '';
    const field = value[1].startsWith('"') ? (JSON.parse(value[1]) as string) : value[1].replace(/^-/, '');
    return { start: caret - word.length, word: word.replace(/^"/, ''), field };
  }
  const pipe = /\|\s*([a-z_]*)$/.exec(before);
  if (pipe) return { start: caret - (pipe[1] ?? '').length, word: pipe[1] ?? '', pipe: true };
  if (splitPipes(before)[1]) {
    const inner = /[\s(,]([\w.@/-]*)$/.exec(before);
    return inner ? { start: caret - (inner[1] ?? '').length, word: inner[1] ?? '' } : undefined;
  }
  const word = /(?:^|[\s(!-])([\w.@/-]*)$/.exec(before);
  return word ? { start: caret - (word[1] ?? '').length, word: word[1] ?? '' } : undefined;
}

export interface Suggestion {
  text: string;
  /** What is put in. */
  insert: string;
  note?: string;
}

/** The suggestions for what is wanted, at most twelve. */
export function suggest(w: Wanted, names: string[], values: { value: string; rows: number }[]): Suggestion[] {
  const low = w.word.toLowerCase();
  if (w.pipe) return PIPES.filter((p) => p.startsWith(low)).map((p) => ({ text: p, insert: p, note: 'pipe' }));
  if (w.field !== undefined)
    return values
      .filter((v) => v.value !== '' && v.value.toLowerCase().includes(low))
      .slice(0, 12)
      .map((v) => ({ text: v.value, insert: `${token(v.value)} `, note: v.rows ? String(v.rows) : undefined }));
  const hit = names.filter((n) => n.toLowerCase().includes(low) && n !== '_stream_id');
  hit.sort((a, b) => Number(b.toLowerCase().startsWith(low)) - Number(a.toLowerCase().startsWith(low)));
  return hit.slice(0, 12).map((n) => ({ text: n, insert: `${token(n)}:`, note: 'field' }));
}

/** The time one nanosecond later, as the server writes times; so that the end of a range includes it. */
export function justAfter(time: string): string {
  const m = /^(.*?)(?:\.(\d{1,9}))?Z$/.exec(time);
  if (!m) return time;
  const base = new Date(`${m[1]}Z`).getTime();
  const nanos = Number((m[2] ?? '').padEnd(9, '0')) + 1;
  const carry = nanos >= 1e9;
  const sec = new Date(base + (carry ? 1000 : 0)).toISOString().slice(0, 19);
  return `${sec}.${String(carry ? 0 : nanos).padStart(9, '0')}Z`;
}

/** Reads lines of JSON. The last may be an object with only "error". */
export function parseRows(text: string): { rows: Row[]; error?: string } {
  const rows: Row[] = [];
  for (const l of text.split('\n')) {
    if (!l) continue;
    const r = JSON.parse(l) as Row;
    if (r.error !== undefined && Object.keys(r).length === 1) return { rows, error: r.error };
    rows.push(r);
  }
  return { rows };
}

/** Whether a column holds numbers only. */
export const isNumeric = (rows: Row[], column: string) =>
  rows.every((r) => r[column] === undefined || /^-?[\d.]+(e[+-]?\d+)?$/i.test(r[column] ?? ''));

/** The columns of a calculated answer: what was counted by first, then the numbers. */
export function columnsOf(rows: Row[]): string[] {
  const seen = new Set<string>();
  for (const r of rows.slice(0, 200)) for (const k of Object.keys(r)) seen.add(k);
  return [...seen].sort((a, b) => Number(isNumeric(rows, a)) - Number(isNumeric(rows, b)));
}

/** Whether nothing of a line was recognized but its frame. */
export const isPlain = (row: Row) => ['', 'syslog', 'text', 'application', 'cri'].includes(row.format ?? '');

/** The page that makes a parser with a line as its sample. */
export function newParserTo(row: Row): string {
  const p = new URLSearchParams({ sample: (row._msg ?? '').slice(0, 2000) });
  if (row.app) p.set('app', row.app);
  return `/observe/logs/parsers/new?${p}`;
}

const VALUE =
  /(?<ip>\b\d{1,3}(?:\.\d{1,3}){3}\b)|(?<quoted>"[^"]*")|(?<kv>\b[A-Za-z_][\w.]*=)(?<after>"[^"]*"|[^\s,;]+)|(?<num>\b\d+\.\d+\b)|(?<int>\b\d+\b)/g;

/** A first pattern for a line: what can only be a value becomes a part with a name. */
export function guessPattern(line: string): string {
  const used = new Map<string, number>();
  const name = (base: string) => {
    const n = (used.get(base) ?? 0) + 1;
    used.set(base, n);
    return n === 1 ? base : `${base}${n}`;
  };
  let out = '';
  let at = 0;
  const plain = (s: string) => s.replaceAll('%', '%%');
  for (const m of line.matchAll(VALUE)) {
    const g = m.groups ?? {};
    out += plain(line.slice(at, m.index));
    at = m.index + m[0].length;
    if (g.kv) {
      const v = g.after ?? '';
      const type = v.startsWith('"') ? 'quoted' : /^\d+$/.test(v) ? 'int' : /^\d+\.\d+$/.test(v) ? 'num' : 'word';
      out += `${plain(g.kv)}%{${type}:${name(g.kv.slice(0, -1).replace(/\W/g, '_').toLowerCase())}}`;
    } else if (g.ip) out += `%{ip:${name('src_ip')}}`;
    else if (g.quoted) out += `%{quoted:${name('text')}}`;
    else out += `%{${g.num ? 'num' : 'int'}:${name('number')}}`;
  }
  return out + plain(line.slice(at));
}
