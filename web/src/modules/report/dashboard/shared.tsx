import { useQuery } from '@tanstack/react-query';
import { createLazyRoute, useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useUrlState } from '@/lib/url';
import { Loaded } from '@/ui/Loading';
import { PageHead } from '@/ui/PageHead';
import { Controls } from './controls';
import classes from './dashboard.module.css';
import { Grid } from './grid';
import { type Dashboard, shared, sharedQuery } from './queries';
import { type Search, useLook } from './use-look';

export const Route = createLazyRoute('/shared/$token')({ component: Page });

function Page() {
  const { token = '' } = useParams({ strict: false }) as { token?: string };
  const query = useQuery(sharedQuery(token));
  return (
    <main className={classes.wall}>
      <Loaded query={query} what="The dashboard" rows={12}>
        {(board) => <View board={board} token={token} />}
      </Loaded>
    </main>
  );
}

function View({ board, token }: { board: Dashboard; token: string }) {
  const [s, set] = useUrlState<Search>();
  const source = useMemo(() => shared(token), [token]);
  const { look, options, fallback, reload } = useLook(board, s, set, source, false);
  // The server takes no free text from a guest.
  const offered = { ...board, variables: board.variables?.filter((v) => v.kind !== 'text') };
  return (
    <>
      <PageHead title={board.title || board.name} />
      {!s.wall && (
        <Controls
          spec={offered}
          search={s}
          set={set}
          values={look.values}
          options={options}
          fallback={fallback}
          onReload={reload}
        />
      )}
      <section
        className={classes.body}
        aria-label="Panels"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        <Grid panels={board.panels ?? []} look={look} />
      </section>
    </>
  );
}
