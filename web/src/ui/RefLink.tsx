import { Link } from '@tanstack/react-router';
import { StatusMark } from './StatusMark';

/** A thing of another module, as the server describes it. */
export interface Ref {
  kind: string;
  name: string;
  title?: string;
  state?: string;
  url: string;
}

/** A link to a thing of any module: its state, if known, and its title. */
export function RefLink({ to, showState = true }: { to: Ref; showState?: boolean }) {
  return (
    <span style={{ display: 'inline-flex', alignItems: 'center', gap: 6, minWidth: 0 }}>
      {showState && to.state && <StatusMark state={to.state} label={false} />}
      <Link to={to.url as string} style={{ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>
        {to.title || to.name}
      </Link>
    </span>
  );
}
