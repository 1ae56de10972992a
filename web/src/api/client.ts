import createClient, { type Middleware } from 'openapi-fetch';
import type { paths } from './paths';
import { Problem, toProblem } from './problems';

/** The typed client. Use it through `call`, so that every failure is a `Problem`. */
export const http = createClient<paths>({
  baseUrl: '/',
  credentials: 'same-origin',
  // Looked up at each call, so that a test can put its own in place.
  fetch: (r) => globalThis.fetch(r),
});

type Listener = () => void;
const signedOut = new Set<Listener>();

/** Is told when the server says that the session is over. */
export function onSignedOut(fn: Listener): () => void {
  signedOut.add(fn);
  return () => void signedOut.delete(fn);
}

const auth: Middleware = {
  onResponse({ response, schemaPath }) {
    // A 401 of the sign-in itself means a wrong password, not a lost session.
    if (response.status === 401 && schemaPath !== '/api/v1/session') for (const fn of signedOut) fn();
    return undefined;
  },
};
http.use(auth);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Awaits a call of `http`, gives its data or throws a `Problem`. */
export async function call<T>(answer: Promise<Answer<T>>): Promise<T> {
  return (await callTagged(answer)).data;
}

/** Like `call`, and gives the ETag to send back as If-Match. */
export async function callTagged<T>(answer: Promise<Answer<T>>): Promise<{ data: T; etag: string }> {
  let a: Answer<T>;
  try {
    a = await answer;
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new Problem({ status: 0, message: 'Mainstay did not answer. Check the connection.' });
  }
  if (!a.response.ok) throw toProblem(a.error, a.response);
  return { data: a.data as T, etag: a.response.headers.get('ETag') ?? '' };
}
