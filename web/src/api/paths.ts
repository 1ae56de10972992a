import type { components, paths } from './schema';

export type { paths };

/** The bodies of the API by name: Schemas['IncidentView']. */
export type Schemas = components['schemas'];

/** Who is signed in. */
export type Session = Schemas['AccountSessionBody'];

/** One hit of the search over records and items. */
export type SearchHit = Schemas['SearchDoc'];
