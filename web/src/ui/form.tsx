import { Alert, Button, Group } from '@mantine/core';
import { schemaResolver, useForm as useMantineForm } from '@mantine/form';
import { type ReactNode, useState } from 'react';
import type { z } from 'zod/mini';
import { messageOf, Problem } from '@/api/problems';
import classes from './form.module.css';

type Values = Record<string, unknown>;

interface Options<T extends Values, R> {
  /** A zod/mini object; its messages are shown under the fields. */
  schema: z.core.$ZodType<T, T>;
  initial: T;
  /** Sends the values. A Problem it throws is put onto the fields it names. */
  submit: (values: T) => Promise<R>;
  done?: (answer: R, values: T) => void | Promise<void>;
  /** Turns a field path of the API into one of the form, where the names differ. */
  mapField?: (path: string) => string;
}

/** A form: checks on leaving a field, sends, and shows what the server refuses at the field it is about. */
export function useForm<T extends Values, R = unknown>(o: Options<T, R>) {
  const form = useMantineForm<T>({
    mode: 'uncontrolled',
    initialValues: o.initial,
    validate: schemaResolver(o.schema as never, { sync: true }) as never,
    validateInputOnBlur: true,
  });
  const [pending, setPending] = useState(false);
  const [general, setGeneral] = useState('');

  const send = async (values: T) => {
    setPending(true);
    setGeneral('');
    try {
      const answer = await o.submit(values);
      form.resetDirty();
      await o.done?.(answer, values);
    } catch (e) {
      const rest = placeErrors(e, form.getValues(), (path, msg) => form.setFieldError(path, msg), o.mapField);
      setGeneral(rest);
    } finally {
      setPending(false);
    }
  };

  return {
    /** Properties of a text-like input: <TextInput label="Name" {...form.field('name')} />. */
    field: (path: keyof T & string) => ({ key: form.key(path as never), ...form.getInputProps(path as never) }),
    /** The same for any path of a nested value: form.path('steps.0.after'). */
    path: (path: string) => ({ key: form.key(path as never), ...form.getInputProps(path as never) }),
    /** The same for a checkbox or switch. */
    check: (path: keyof T & string) => ({
      key: form.key(path as never),
      ...form.getInputProps(path as never, { type: 'checkbox' }),
    }),
    pending,
    /** A sentence that belongs to no field. */
    general,
    /** The form of @mantine/form: insertListItem, removeListItem, setFieldValue, watch, getValues … */
    mantine: form,
    onSubmit: form.onSubmit(
      (v) => void send(v),
      (errors) => focusFirst(form.getInputNode.bind(form) as (p: string) => HTMLElement | null, Object.keys(errors)),
    ),
  };
}

function focusFirst(node: (path: string) => HTMLElement | null, paths: string[]): void {
  for (const p of paths) {
    const el = node(p);
    if (el) {
      el.focus();
      return;
    }
  }
}

/** Puts the field errors of a problem onto the fields the form has; gives the sentence for what is left. */
export function placeErrors(
  e: unknown,
  values: Values,
  set: (path: string, message: string) => void,
  map: (path: string) => string = (p) => p,
): string {
  if (!(e instanceof Problem)) return messageOf(e);
  const left: string[] = [];
  let placed = 0;
  for (const f of e.fields) {
    const path = map(f.path);
    if (path && has(values, path)) {
      set(path, f.message);
      placed++;
    } else left.push(f.path ? `${f.path}: ${f.message}` : f.message);
  }
  if (left.length) return left.join(' ');
  return placed ? '' : e.message;
}

function has(values: unknown, path: string): boolean {
  let v: unknown = values;
  for (const part of path.split('.')) {
    if (v === null || typeof v !== 'object' || !(part in v)) return false;
    v = (v as Values)[part];
  }
  return true;
}

/** The frame of a form: its fields in a column and the general error above them. */
export function Form({
  form,
  label,
  children,
}: {
  form: { onSubmit: React.FormEventHandler<HTMLFormElement>; general: string };
  label?: string;
  children: ReactNode;
}) {
  return (
    <form className={classes.form} noValidate onSubmit={form.onSubmit} aria-label={label}>
      {form.general && (
        <Alert color="red" variant="light" p={8} role="alert" styles={{ message: { fontSize: 12 } }}>
          {form.general}
        </Alert>
      )}
      {children}
    </form>
  );
}

/** Fields side by side; below each other on a phone. */
export function Row({ children }: { children: ReactNode }) {
  return <div className={classes.row}>{children}</div>;
}

/** A titled group of fields. */
export function FieldGroup({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <fieldset className={classes.group}>
      <legend>{title}</legend>
      {hint && <p>{hint}</p>}
      {children}
    </fieldset>
  );
}

/** The buttons at the end: the verb of the form and a way out. */
export function FormActions({
  action,
  pending,
  onCancel,
}: {
  action: string;
  pending: boolean;
  onCancel?: () => void;
}) {
  return (
    <Group justify="flex-end" gap={8} mt={4}>
      {onCancel && (
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
      )}
      <Button type="submit" loading={pending}>
        {action}
      </Button>
    </Group>
  );
}
