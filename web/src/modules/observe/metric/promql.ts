/** Kinds of words for the colors of the editor. */
export type TokenKind = 'name' | 'function' | 'keyword' | 'label' | 'string' | 'number' | 'comment' | 'sign';

export interface Token {
  start: number;
  end: number;
  kind: TokenKind;
}

/** Aggregations, with what they do. */
export const AGGREGATIONS: Record<string, string> = {
  sum: 'Sum over series',
  avg: 'Average over series',
  min: 'Smallest of the series',
  max: 'Largest of the series',
  count: 'Number of series',
  topk: 'The k largest series',
  bottomk: 'The k smallest series',
  quantile: 'Quantile over series',
  stddev: 'Standard deviation over series',
  stdvar: 'Variance over series',
  group: '1 for each group',
  count_values: 'Number of series with the same value',
};

/** What the usual functions do. */
export const HELP: Record<string, string> = {
  rate: 'Increase of a counter per second, averaged over the range',
  irate: 'Increase of a counter per second, from its last two samples',
  increase: 'Increase of a counter over the range',
  delta: 'Difference of a gauge between the ends of the range',
  idelta: 'Difference between the last two samples',
  deriv: 'Change of a gauge per second, by linear regression',
  predict_linear: 'Value in so many seconds, if it goes on as in the range',
  histogram_quantile: 'Quantile out of the buckets of a histogram',
  avg_over_time: 'Average of each series over the range',
  min_over_time: 'Smallest value of each series over the range',
  max_over_time: 'Largest value of each series over the range',
  sum_over_time: 'Sum of the values of each series over the range',
  count_over_time: 'Number of samples of each series over the range',
  quantile_over_time: 'Quantile of the values of each series over the range',
  stddev_over_time: 'Standard deviation of each series over the range',
  last_over_time: 'Last value of each series in the range',
  present_over_time: '1 for each series with a sample in the range',
  absent: '1 when there is no such series',
  absent_over_time: '1 when there was no sample in the range',
  changes: 'How often the value changed in the range',
  resets: 'How often a counter began anew in the range',
  abs: 'Without sign',
  ceil: 'Rounded up',
  floor: 'Rounded down',
  round: 'Rounded, to a multiple if one is given',
  clamp: 'Kept between two limits',
  clamp_min: 'At least a limit',
  clamp_max: 'At most a limit',
  label_replace: 'Writes a label out of another one, by a regular expression',
  label_join: 'Writes a label out of several',
  sort: 'Smallest first, in tables',
  sort_desc: 'Largest first, in tables',
  time: 'The time of the step, in seconds since 1970',
  timestamp: 'The time of each sample, in seconds since 1970',
  vector: 'A number as a series without labels',
  scalar: 'The only series as a number',
  ln: 'Natural logarithm',
  log2: 'Logarithm to base 2',
  log10: 'Logarithm to base 10',
  exp: 'e to the power of the value',
  sqrt: 'Square root',
  hour: 'Hour of the day in UTC',
  day_of_week: 'Day of the week in UTC, Sunday is 0',
};

const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const KEYWORDS = new Set([...GROUPING, 'and', 'or', 'unless', 'offset', 'bool', 'atan2', 'start', 'end', 'inf', 'nan']);

const WORD = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const NUMBER = /(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*)?/y;

/** Where a text is at its end: what is open, and what stands before. */
interface Place {
  /** Inside a string that began here. */
  string?: number;
  comment?: boolean;
  /** The brackets that are open: "{", "(" of a grouping as "g", other "(", "[". */
  open: string[];
  /** The metric before the "{" that is open, and where that is. */
  metric?: string;
  brace?: number;
  tokens: Token[];
}

/** Reads PromQL loosely: it never fails. */
export function read(text: string): Place {
  const p: Place = { open: [], tokens: [] };
  let last = '';
  let i = 0;
  const push = (start: number, end: number, kind: TokenKind) => p.tokens.push({ start, end, kind });
  while (i < text.length) {
    const c = text.charAt(i);
    if (/\s/.test(c)) {
      i++;
    } else if (c === '#') {
      const end = text.indexOf('\n', i);
      push(i, end < 0 ? text.length : end, 'comment');
      if (end < 0) return { ...p, comment: true };
      i = end;
    } else if (c === '"' || c === "'" || c === '`') {
      let j = i + 1;
      while (j < text.length && text[j] !== c) j += text[j] === '\\' && c !== '`' ? 2 : 1;
      push(i, Math.min(j + 1, text.length), 'string');
      if (j >= text.length) return { ...p, string: i };
      i = j + 1;
      last = '"';
    } else if ('({['.includes(c)) {
      p.open.push(c === '(' && GROUPING.has(last) ? 'g' : c);
      if (c === '{') {
        p.metric = /^[a-zA-Z_:]/.test(last) && !KEYWORDS.has(last) ? last : undefined;
        p.brace = i;
      }
      push(i, ++i, 'sign');
      last = c;
    } else if (')}]'.includes(c)) {
      p.open.pop();
      push(i, ++i, 'sign');
      last = c;
    } else {
      WORD.lastIndex = i;
      NUMBER.lastIndex = i;
      const word = WORD.exec(text)?.[0];
      const num = word ? undefined : NUMBER.exec(text)?.[0];
      if (word) {
        const top = p.open.at(-1);
        const next = text
          .slice(i + word.length)
          .trimStart()
          .charAt(0);
        const low = word.toLowerCase();
        const kind: TokenKind =
          top === '{' || top === 'g'
            ? 'label'
            : KEYWORDS.has(low)
              ? 'keyword'
              : word in AGGREGATIONS || next === '('
                ? 'function'
                : 'name';
        push(i, i + word.length, kind);
        i += word.length;
        last = low in AGGREGATIONS || GROUPING.has(low) ? low : word;
      } else if (num) {
        push(i, i + num.length, 'number');
        i += num.length;
        last = '0';
      } else {
        push(i, ++i, 'sign');
        last = c;
      }
    }
  }
  return p;
}

/** What may be completed at the caret. */
export interface Wanted {
  kind: 'expression' | 'label' | 'value' | 'duration';
  /** Where the word begins that is replaced. */
  start: number;
  word: string;
  /** The label whose values are wanted. */
  label?: string;
  /** The selector that narrows labels and values. */
  match?: string;
}

/** Looks at what stands before the caret. */
export function wantedAt(text: string, caret: number): Wanted | undefined {
  const before = text.slice(0, caret);
  const p = read(before);
  if (p.comment) return undefined;
  const top = p.open.at(-1);
  if (p.string !== undefined) {
    if (top !== '{') return undefined;
    const head = /([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*$/.exec(before.slice(0, p.string));
    if (!head) return undefined;
    const start = p.string + 1;
    return {
      kind: 'value',
      start,
      word: before.slice(start),
      label: head[1],
      match: selector(p, before.slice(0, p.string), head[1]),
    };
  }
  if (top === '[') {
    const m = /[\d.]*[a-z]*$/.exec(before);
    return { kind: 'duration', start: caret - (m?.[0].length ?? 0), word: m?.[0] ?? '' };
  }
  const word = /[a-zA-Z_:][a-zA-Z0-9_:]*$/.exec(before)?.[0] ?? '';
  const start = caret - word.length;
  if (top === '{') {
    // Behind a value comes a comma first.
    if (/["'`\w]\s+$/.test(before) || /["'`]$/.test(before)) return undefined;
    return { kind: 'label', start, word, match: selector(p, before.slice(0, start)) };
  }
  if (top === 'g') {
    const metric = p.tokens.find((t) => t.kind === 'name');
    const after = read(text).tokens.find((t) => t.kind === 'name');
    const of = metric ?? after;
    return { kind: 'label', start, word, match: of ? text.slice(of.start, of.end) : undefined };
  }
  if (/[\d.]$/.test(before.slice(0, start)) && /\d\w*$/.test(before)) return undefined;
  return { kind: 'expression', start, word };
}

// The selector as far as it is written, without the matcher of one label.
function selector(p: Place, before: string, without?: string): string | undefined {
  const inside = before.slice((p.brace ?? 0) + 1);
  const parts: string[] = [];
  for (const m of inside.matchAll(
    /([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)/g,
  ))
    if (m[1] !== without) parts.push(`${m[1]}${m[2]}${m[3]}`);
  if (!p.metric && !parts.some((x) => /^\w+(=|=~)["'`]./.test(x))) return undefined;
  return `${p.metric ?? ''}${parts.length ? `{${parts.join(',')}}` : ''}`;
}

export interface Suggestion {
  text: string;
  insert: string;
  /** Where the caret goes, counted from the end of what is put in. */
  back?: number;
  note?: string;
  /** What it means, in a line below. */
  help?: string;
}

export interface Known {
  metrics: { name: string; type?: string; help?: string }[];
  functions: { name: string; signature: string }[];
  labels: string[];
  values: string[];
}

const DURATIONS = ['1m', '5m', '15m', '30m', '1h', '6h', '1d', '7d'];
const MOST = 40;

/** The suggestions for what is wanted. */
export function suggest(w: Wanted, k: Known, after = ''): Suggestion[] {
  const low = w.word.toLowerCase();
  if (w.kind === 'duration')
    return DURATIONS.filter((d) => d.startsWith(low)).map((d) => ({
      text: d,
      insert: after.startsWith(']') ? d : `${d}]`,
    }));
  if (w.kind === 'label') return k.labels.slice(0, MOST).map((l) => ({ text: l, insert: l, note: 'label' }));
  if (w.kind === 'value')
    return k.values.slice(0, MOST).map((v) => ({
      text: v,
      insert: JSON.stringify(v).slice(1, -1) + (/^["'`]/.test(after) ? '' : '"'),
    }));
  if (!low) return [];
  const functions = k.functions
    .filter((f) => f.name.startsWith(low))
    .map((f) => ({ text: f.name, insert: `${f.name}(`, note: f.signature.slice(f.name.length), help: HELP[f.name] }));
  const aggregations = Object.keys(AGGREGATIONS)
    .filter((a) => a.startsWith(low))
    .map((a) => ({ text: a, insert: `${a} `, note: 'aggregation', help: AGGREGATIONS[a] }));
  const metrics = k.metrics
    .slice(0, MOST)
    .map((m) => ({ text: m.name, insert: m.name, note: m.type ?? 'metric', help: m.help }));
  // Metrics first that begin with the word, then the language, then the other metrics.
  const begins = metrics.filter((m) => m.text.toLowerCase().startsWith(low));
  const rest = metrics.filter((m) => !m.text.toLowerCase().startsWith(low));
  const exact = begins.length === 1 && begins[0]?.text === w.word && !functions.length && !aggregations.length;
  return exact ? [] : [...aggregations, ...functions, ...begins, ...rest].slice(0, MOST);
}

/** The names of metrics in a query, in order. */
export function namesIn(query: string): string[] {
  return [
    ...new Set(
      read(query)
        .tokens.filter((t) => t.kind === 'name')
        .map((t) => query.slice(t.start, t.end)),
    ),
  ];
}

/** The functions and aggregations in a query. */
export function functionsIn(query: string): string[] {
  return read(query)
    .tokens.filter((t) => t.kind === 'function')
    .map((t) => query.slice(t.start, t.end));
}
