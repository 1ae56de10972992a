import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';
import { Problem } from '@/api/problems';
import { ErrorState } from '@/ui/ErrorState';
import { NotFound } from './not-found';

const STALE = /dynamically imported module|Importing a module script failed|preload/i;

/** What stands in place of a page that failed. The rest of the shell keeps working. */
export function RouteError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  if (error instanceof Problem && error.status === 404) return <NotFound />;
  // After an upgrade of the server the parts of the old page are gone; only a reload helps.
  if (error instanceof Error && STALE.test(error.message))
    return (
      <ErrorState
        what="This page"
        error={new Error('Mainstay was updated. Reload to get the new version.')}
        retry={() => location.reload()}
        retryLabel="Reload"
      />
    );
  return (
    <ErrorState
      what="This page"
      error={error}
      retry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}
