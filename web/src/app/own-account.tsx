import { Autocomplete, Modal, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import { useSession } from '@/lib/session';
import { FieldGroup, Form, FormActions, useForm } from '@/ui/form';
import { done } from '@/ui/toast';

const schema = z
  .object({
    name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
    time_zone: z.string(),
    current: z.string(),
    password: z.string().check(z.refine((v) => v === '' || v.length >= 10, 'At least 10 characters.')),
    again: z.string(),
  })
  .check(
    z.refine((v) => v.password === v.again, { path: ['again'], error: 'Not the same as above.' }),
    z.refine((v) => v.password === '' || v.current !== '', { path: ['current'], error: 'Needed to change it.' }),
  );

/** Name, zone and password of the person who is signed in. */
export default function OwnAccount({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Your account" size={460}>
      <Body onClose={onClose} />
    </Modal>
  );
}

function Body({ onClose }: { onClose: () => void }) {
  const account = useSession()?.account;
  const client = useQueryClient();
  const form = useForm({
    schema,
    initial: { name: account?.name ?? '', time_zone: account?.time_zone ?? '', current: '', password: '', again: '' },
    submit: (v) =>
      call(
        http.PATCH('/api/v1/session', {
          body: {
            name: v.name,
            time_zone: v.time_zone || undefined,
            password: v.password || undefined,
            current: v.current || undefined,
          },
        }),
      ),
    done: () => {
      done('Your account is changed.');
      void client.invalidateQueries({ queryKey: ['session'] });
      onClose();
    },
  });
  return (
    <Form form={form} label="Your account">
      <TextInput label="Name" withAsterisk data-autofocus {...form.field('name')} />
      <Autocomplete
        label="Time zone"
        data={Intl.supportedValuesOf('timeZone')}
        limit={20}
        {...form.field('time_zone')}
      />
      <FieldGroup title="Password" hint="Leave these empty to keep it. A new one ends your other sessions.">
        <PasswordInput label="Present password" autoComplete="current-password" {...form.field('current')} />
        <PasswordInput label="New password" autoComplete="new-password" {...form.field('password')} />
        <PasswordInput label="New password again" autoComplete="new-password" {...form.field('again')} />
      </FieldGroup>
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
