import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './mantine-css';
import './tokens.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import { onSignedOut } from '@/api/client';
import { live } from '@/lib/stream';
import { queryClient } from './query';
import { router } from './router';
import { cssVars, theme } from './theme';

// The session ended under our feet: forget what was read and ask to sign in, then come back here.
onSignedOut(() => {
  if (router.state.matches.some((m) => m.staticData?.bare)) return;
  live.stop();
  const next = router.state.location.href;
  queryClient.clear();
  void router.navigate({ to: '/login', search: { next } });
});

const el = document.getElementById('root');
if (!el) throw new Error('The page has no element with the id "root".');
createRoot(el).render(
  <MantineProvider theme={theme} defaultColorScheme="auto" cssVariablesResolver={cssVars}>
    <QueryClientProvider client={queryClient}>
      <Notifications position="bottom-right" limit={3} />
      <RouterProvider router={router} />
    </QueryClientProvider>
  </MantineProvider>,
);
