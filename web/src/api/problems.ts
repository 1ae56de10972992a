/** One field that the server refused. `path` is in form notation: "steps.0.after". */
export interface FieldProblem {
  path: string;
  message: string;
  /** Line of the file, when it is about one. */
  line?: number;
}

/** An error answer of the API (RFC 9457), or a request that got no answer at all (status 0). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: FieldProblem[];
  readonly requestId: string;

  constructor(p: { status: number; message: string; code?: string; fields?: FieldProblem[]; requestId?: string }) {
    super(p.message);
    this.name = 'Problem';
    this.status = p.status;
    this.code = p.code ?? '';
    this.fields = p.fields ?? [];
    this.requestId = p.requestId ?? '';
  }
}

/** Turns "body.steps[0].after" or "/steps/0/after" into the form's "steps.0.after". */
export function fieldPath(location: string): string {
  return location
    .replace(/^\//, '')
    .replaceAll('/', '.')
    .replace(/\[(\d+)\]/g, '.$1')
    .replace(/^body(\.|$)/, '');
}

const GENERAL: Record<number, string> = {
  0: 'Mainstay did not answer. Check the connection.',
  401: 'Your session has ended. Sign in again.',
  403: 'You may not do this.',
  404: 'This does not exist, or no longer.',
  409: 'Somebody else changed this in the meantime. Reload and try again.',
  412: 'Somebody else changed this in the meantime. Reload and try again.',
  413: 'This is too large.',
  429: 'Too many attempts. Wait a moment and try again.',
  503: 'Mainstay is not ready to answer this right now.',
};

/** Reads a problem document; any other body gives a general sentence for the status. */
export function toProblem(body: unknown, response: Response): Problem {
  const b = (body && typeof body === 'object' ? body : {}) as Record<string, unknown>;
  const text = (k: string) => (typeof b[k] === 'string' ? (b[k] as string) : '');
  const fields: FieldProblem[] = [];
  for (const e of Array.isArray(b.errors) ? b.errors.slice(0, 200) : []) {
    const x = (e ?? {}) as Record<string, unknown>;
    const where = [x.location, x.path, x.pointer].find((v) => typeof v === 'string') as string | undefined;
    const message = [x.message, x.detail].find((v) => typeof v === 'string') as string | undefined;
    const line = typeof x.line === 'number' && x.line > 0 ? x.line : undefined;
    if (message) fields.push({ path: fieldPath(where ?? ''), message, ...(line && { line }) });
  }
  return new Problem({
    status: response.status,
    message: text('detail') || GENERAL[response.status] || text('title') || `The server answered ${response.status}.`,
    code: text('code') || text('type'),
    fields,
    requestId: text('request_id') || response.headers.get('X-Request-Id') || '',
  });
}

/** The sentence for people, whatever was thrown. */
export function messageOf(e: unknown): string {
  if (e instanceof Problem) return e.message;
  // Browsers throw a TypeError when a request got no answer; any other is a mistake of ours.
  if (e instanceof TypeError)
    return /fetch|network|load failed/i.test(e.message) ? (GENERAL[0] as string) : 'This view has a fault.';
  return e instanceof Error ? e.message : 'Something went wrong.';
}
