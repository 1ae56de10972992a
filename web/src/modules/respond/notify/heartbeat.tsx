import { Button, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { apiSpan, showSpan, spanSeconds } from '@/lib/span';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { FieldGroup, Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';

export const Route = createLazyRoute('/settings/heartbeat')({ component: Page });

type Heartbeat = Schemas['NotifyHeartbeatBody'];

function Page() {
  const query = useQuery({
    queryKey: ['heartbeat'],
    refetchInterval: 15_000,
    queryFn: ({ signal }) => call(http.GET('/api/v1/heartbeat', { signal })),
  });
  return (
    <>
      <PageHead title="Heartbeat" />
      <Loaded query={query} what="The heartbeat">
        {(h) => (
          <PageBody width="form" label="Heartbeat">
            <p className="muted">
              Mainstay calls an address at an interval. A service outside that expects the calls raises the alarm when
              they stay away, so that the end of Mainstay itself is noticed. While something is wrong with Mainstay, it
              holds the calls back.
            </p>
            {h.configured && <Last h={h} />}
            <Editor key={String(h.configured)} old={h} />
          </PageBody>
        )}
      </Loaded>
    </>
  );
}

function Last({ h }: { h: Heartbeat }) {
  return (
    <FieldGroup title="Last call">
      <div style={{ display: 'flex', alignItems: 'center', gap: 8 }}>
        {h.last_error ? (
          <>
            <Pill tone="down">Failed</Pill>
            <span>{h.last_error}</span>
          </>
        ) : h.last_success ? (
          <>
            <Pill tone="ok">Answered</Pill>
            <Time at={h.last_success} />
          </>
        ) : (
          <span className="muted">None yet.</span>
        )}
      </div>
    </FieldGroup>
  );
}

const schema = z.object({
  url: z.string().check(z.trim(), z.minLength(1, 'Give the address that the service gave you.')),
  every: z.string().check(z.refine((v) => spanSeconds(v) !== undefined, 'Give a time such as 1m or 5m.')),
});

function Editor({ old }: { old: Heartbeat }) {
  const client = useQueryClient();
  const [ending, setEnding] = useState(false);
  const form = useForm({
    schema,
    initial: { url: old.url, every: old.configured ? showSpan(old.every) : '1m' },
    submit: (v) => call(http.PUT('/api/v1/heartbeat', { body: { url: v.url.trim(), every: apiSpan(v.every) } })),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['heartbeat'] });
      done('The heartbeat is saved.');
    },
  });
  return (
    <Form form={form} label="Heartbeat">
      <TextInput
        label="Address"
        withAsterisk
        type="url"
        placeholder="https://hc.example.org/ping/…"
        {...form.field('url')}
      />
      <TextInput label="Every" withAsterisk style={{ maxWidth: 160 }} {...form.field('every')} />
      <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
        {old.configured ? (
          <Button variant="default" onClick={() => setEnding(true)}>
            Remove
          </Button>
        ) : (
          <span />
        )}
        <FormActions action="Save" pending={form.pending} />
      </div>
      <ConfirmDialog
        opened={ending}
        onClose={() => setEnding(false)}
        title="Remove the heartbeat?"
        action="Remove"
        run={async () => {
          await call(http.DELETE('/api/v1/heartbeat'));
          await client.invalidateQueries({ queryKey: ['heartbeat'] });
          done('The heartbeat is removed.');
        }}
      >
        The service that expects the calls will raise its alarm, unless it is told.
      </ConfirmDialog>
    </Form>
  );
}
