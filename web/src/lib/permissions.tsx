import type { ReactNode } from 'react';
import { type Session, useSession } from './session';

/** Whether the session holds the permission, for example can(session, 'incident.acknowledge'). */
export function can(session: Session | undefined, permission: string | undefined): boolean {
  return !permission || (session?.permissions?.includes(permission) ?? false);
}

/** Gives a function that tells what the signed-in person may do. The server decides; this only hides what it would refuse. */
export function useCan(): (permission: string | undefined) => boolean {
  const session = useSession();
  return (permission) => can(session, permission);
}

/** Shows its children to those who hold the permission. */
export function Can({ permission, children }: { permission: string; children: ReactNode }) {
  return useCan()(permission) ? children : null;
}
