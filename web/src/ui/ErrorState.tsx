import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { messageOf, Problem } from '@/api/problems';
import { CopyButton } from './CopyButton';
import classes from './layout.module.css';

/** In place of what failed: names it, says that monitoring goes on, offers another try and the request id. */
export function ErrorState({
  what,
  error,
  retry,
  retryLabel = 'Try again',
  small,
}: {
  what: string;
  error: unknown;
  retry?: () => void;
  retryLabel?: string;
  small?: boolean;
}) {
  const id = error instanceof Problem ? error.requestId : '';
  const denied = error instanceof Problem && error.status === 403;
  return (
    <div className={classes.state} data-small={small || undefined} role="alert">
      <IconAlertTriangle size={22} stroke={1.6} />
      <h2>
        {what} {denied ? 'is not open to you' : 'could not be shown'}
      </h2>
      <p>
        {messageOf(error)} {!denied && 'Monitoring itself goes on; only this view is affected.'}
      </p>
      {retry && !denied && (
        <Button variant="default" onClick={retry}>
          {retryLabel}
        </Button>
      )}
      {id && (
        <span className={classes.rid}>
          Request <span className="mono">{id}</span> <CopyButton value={id} label="Copy the request id" />
        </span>
      )}
    </div>
  );
}
