import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useRouter } from '@tanstack/react-router';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { sessionQuery } from '@/lib/session';
import { Form, useForm } from '@/ui/form';
import { AuthPage } from './auth-page';

export const Route = createLazyRoute('/setup')({ component: Setup });

const schema = z.object({
  name: z.string().check(z.minLength(1, 'Give your name.')),
  email: z.string().check(z.regex(/^\S+@\S+$/, 'Give an e-mail address such as you@example.org.')),
  password: z.string().check(z.minLength(10, 'Use at least 10 characters.')),
});

function Setup() {
  const { token } = Route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: { name: '', email: '', password: '' },
    submit: async (v) => {
      await call(http.POST('/api/v1/setup', { body: { ...v, token: token ?? '' } }));
      await call(http.POST('/api/v1/session', { body: { email: v.email, password: v.password } }));
    },
    done: async () => {
      client.clear();
      await client.fetchQuery(sessionQuery);
      await router.navigate({ to: '/' });
    },
  });
  if (!token)
    return (
      <AuthPage
        title="This link is not complete"
        hint="Open the link that Mainstay printed when it first started. It ends in token=…"
      >
        <Button variant="default" onClick={() => void router.navigate({ to: '/login' })}>
          Sign in instead
        </Button>
      </AuthPage>
    );
  return (
    <AuthPage title="Make the first account" hint="It is the administrator. You can invite others later.">
      <Form form={form}>
        <TextInput label="Name" autoComplete="name" data-autofocus {...form.field('name')} />
        <TextInput label="E-mail" type="email" autoComplete="username" {...form.field('email')} />
        <PasswordInput
          label="Password"
          description="At least 10 characters."
          autoComplete="new-password"
          {...form.field('password')}
        />
        <Button type="submit" fullWidth loading={form.pending}>
          Make the account
        </Button>
      </Form>
    </AuthPage>
  );
}
