// Readers for validateSearch. Plain functions, so that route files, which all load with the shell, stay light.

/** A non-empty text, or undefined. Numbers are taken too: the router reads ?q=12 as one. */
export function text(v: unknown): string | undefined {
  if (typeof v === 'number') return String(v);
  return typeof v === 'string' && v !== '' ? v : undefined;
}

/** A list of texts; one text becomes a list; undefined when empty. */
export function texts(v: unknown): string[] | undefined {
  const list = (Array.isArray(v) ? v : [v]).map(text).filter((x) => x !== undefined);
  return list.length ? list : undefined;
}

/** One of the given words, or undefined. */
export function oneOf<T extends string>(v: unknown, words: readonly T[]): T | undefined {
  return words.find((w) => w === v);
}

/** True, or undefined. */
export function flag(v: unknown): true | undefined {
  return v === true || v === 'true' ? true : undefined;
}
