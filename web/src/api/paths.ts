// The calls the shell itself makes, typed by hand in the shape of the generated schema. Everything else goes through
// the generated `schema.d.ts`; once that file holds these paths this one is only `export type { paths } from './schema'`.

/** Who is signed in. */
export interface Session {
  account: { id: string; name: string; email: string };
  role: string;
  /** Names of the permissions the person holds anywhere, for example "incident.acknowledge". */
  permissions: string[];
}

/** One hit of the search over records and items. */
export interface SearchHit {
  kind: string;
  id: string;
  name: string;
  title: string;
  state?: string;
  url: string;
}

interface Answers<T> {
  200: { headers: Record<string, unknown>; content: { 'application/json': T } };
  default: { headers: Record<string, unknown>; content: { 'application/problem+json': unknown } };
}
interface Read<T, Query = never> {
  parameters: { query?: Query; header?: never; path?: never; cookie?: never };
  requestBody?: never;
  responses: Answers<T>;
}
interface Write<Body, T> {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  requestBody: { content: { 'application/json': Body } };
  responses: Answers<T>;
}
interface None {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
}

export interface paths {
  '/api/v1/setup': None & { post: Write<{ token: string; name: string; email: string; password: string }, unknown> };
  '/api/v1/session': None & {
    get: Read<Session>;
    post: Write<{ email: string; password: string }, unknown>;
    delete: Read<unknown>;
  };
  '/api/v1/search': None & { get: Read<{ items: SearchHit[] | null }, { q: string; limit?: number }> };
}
