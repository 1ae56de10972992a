import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useRouter } from '@tanstack/react-router';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { sessionQuery } from '@/lib/session';
import { Form, useForm } from '@/ui/form';
import { AuthPage } from './auth-page';

export const Route = createLazyRoute('/login')({ component: Login });

const schema = z.object({
  email: z.string().check(z.minLength(1, 'Give your e-mail address.')),
  password: z.string().check(z.minLength(1, 'Give your password.')),
});

/** Only a path of this site, so that a crafted link cannot send people elsewhere after they signed in. */
export function safeNext(next: string | undefined): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/';
}

function Login() {
  const { next } = Route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: { email: '', password: '' },
    submit: (v) => call(http.POST('/api/v1/session', { body: v })),
    done: async () => {
      client.clear();
      await client.fetchQuery(sessionQuery);
      router.history.push(safeNext(next));
    },
  });
  return (
    <AuthPage title="Sign in">
      <Form form={form}>
        <TextInput label="E-mail" type="email" autoComplete="username" data-autofocus {...form.field('email')} />
        <PasswordInput label="Password" autoComplete="current-password" {...form.field('password')} />
        <Button type="submit" fullWidth loading={form.pending}>
          Sign in
        </Button>
      </Form>
    </AuthPage>
  );
}
