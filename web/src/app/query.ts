import { QueryClient } from '@tanstack/react-query';
import { Problem } from '@/api/problems';

/** Data stay fresh for 30 s; the live stream tells earlier what changed. Only what may succeed later is tried again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (count, e) => count < 2 && (!(e instanceof Problem) || e.status === 0 || e.status >= 502),
    },
  },
});
