import { Button, NumberInput, PasswordInput, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { useSession } from '@/lib/session';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead } from '@/ui/PageHead';
import { done, failed } from '@/ui/toast';

export const Route = createLazyRoute('/settings/mail')({ component: Page });

type Smtp = Schemas['NotifySmtpBody'];

function Page() {
  const query = useQuery({ queryKey: ['smtp'], queryFn: ({ signal }) => call(http.GET('/api/v1/smtp', { signal })) });
  return (
    <>
      <PageHead title="Mail server" />
      <Loaded query={query} what="The mail server">
        {(m) => (
          <PageBody width="form" label="Mail server">
            <Editor old={m} />
            <Trial ready={m.configured} />
          </PageBody>
        )}
      </Loaded>
    </>
  );
}

const schema = z.object({
  host: z.string().check(z.trim(), z.minLength(1, 'Give the name or address of the server.')),
  port: z.union([z.number(), z.string()]),
  from: z.string().check(z.trim(), z.minLength(1, 'Give the sender.')),
  username: z.string(),
  password: z.string(),
  tls: z.string(),
});

function Editor({ old }: { old: Smtp }) {
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: {
      host: old.host,
      port: (old.port || '') as number | string,
      from: old.from,
      username: old.username,
      password: '',
      tls: old.tls,
    },
    submit: (v) =>
      call(
        http.PUT('/api/v1/smtp', {
          body: {
            host: v.host,
            port: Number(v.port) || undefined,
            from: v.from,
            username: v.username || undefined,
            password: v.password || undefined,
            tls: (v.tls || undefined) as 'tls' | undefined,
          },
        }),
      ),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['smtp'] });
      done('The mail server is saved.');
    },
  });
  return (
    <Form form={form} label="Mail server">
      <Row>
        <TextInput label="Server" withAsterisk placeholder="mail.example.org" {...form.field('host')} />
        <NumberInput
          label="Port"
          placeholder="Usual port"
          min={1}
          max={65535}
          allowDecimal={false}
          {...form.field('port')}
        />
      </Row>
      <TextInput label="Sender" withAsterisk placeholder="Mainstay <mainstay@example.org>" {...form.field('from')} />
      <Select
        label="Encryption"
        allowDeselect={false}
        data={[
          { value: '', label: 'STARTTLS where it is offered' },
          { value: 'starttls', label: 'STARTTLS, always' },
          { value: 'tls', label: 'TLS from the start' },
          { value: 'none', label: 'None' },
        ]}
        {...form.field('tls')}
      />
      <Row>
        <TextInput label="User" autoComplete="off" {...form.field('username')} />
        <PasswordInput
          label="Password"
          description={old.password_set ? 'One is set. Left empty, it stays.' : undefined}
          autoComplete="new-password"
          {...form.field('password')}
        />
      </Row>
      <FormActions action="Save" pending={form.pending} />
    </Form>
  );
}

function Trial({ ready }: { ready: boolean }) {
  const mine = useSession()?.account?.email ?? '';
  const [to, setTo] = useState(mine);
  const [busy, setBusy] = useState(false);
  if (!ready) return null;
  const send = async () => {
    setBusy(true);
    try {
      const n = await call(http.POST('/api/v1/smtp/test', { body: { to } }));
      if (n.state === 'sent') done(`The mail server took the test mail to ${to}.`);
      else failed('The test mail', new Error(n.last_error || 'It was not delivered.'));
    } catch (e) {
      failed('The test mail', e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void send();
      }}
    >
      <FieldGroup title="Test" hint="Sends one mail with what is saved, and tells what became of it.">
        <div style={{ display: 'flex', gap: 8 }}>
          <TextInput
            aria-label="Address for the test"
            type="email"
            style={{ flex: 1 }}
            value={to}
            onChange={(e) => setTo(e.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={busy} disabled={!to.trim()}>
            Send a test mail
          </Button>
        </div>
      </FieldGroup>
    </form>
  );
}
