import { MantineProvider, TextInput } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import type { ReactNode } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod/mini';
import { Problem } from '@/api/problems';
import { ConfirmDialog } from './ConfirmDialog';
import { ErrorState } from './ErrorState';
import { Form, FormActions, placeErrors, useForm } from './form';
import { SEVERITIES, SevMark } from './SevMark';
import { StatusMark } from './StatusMark';
import { Tabs } from './Tabs';

const show = (x: ReactNode) =>
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>{x}</QueryClientProvider>
    </MantineProvider>,
  );

describe('marks', () => {
  it.each(SEVERITIES)('severity %s has a word even without a label', (severity) => {
    show(<SevMark severity={severity} label={false} />);
    expect(screen.getByText(new RegExp(`^${severity}$`, 'i'))).toBeTruthy();
  });
  it('says that a state is soft', () => {
    show(<StatusMark state="critical" soft />);
    expect(screen.getByText('Critical').textContent).toBe('Critical · soft');
  });
});

const schema = z.object({ name: z.string().check(z.minLength(1, 'Give a name.')), url: z.string() });
function Sample({ submit }: { submit: () => Promise<unknown> }) {
  const form = useForm({ schema, initial: { name: '', url: '' }, submit });
  return (
    <Form form={form}>
      <TextInput label="Name" {...form.field('name')} />
      <TextInput label="URL" {...form.field('url')} />
      <FormActions action="Add" pending={form.pending} />
    </Form>
  );
}

describe('form', () => {
  it('does not send what is not valid, and says it at the field', async () => {
    const submit = vi.fn(async () => {});
    show(<Sample submit={submit} />);
    fireEvent.click(screen.getByRole('button', { name: 'Add' }));
    const e = await screen.findByText('Give a name.');
    expect(screen.getByLabelText('Name').getAttribute('aria-describedby')).toContain(e.id);
    expect(submit).not.toHaveBeenCalled();
  });
  it('puts what the server refuses onto its field, and the rest above', async () => {
    const fields = [
      { path: 'url', message: 'must start with http://' },
      { path: 'every', message: 'is too short' },
    ];
    show(<Sample submit={() => Promise.reject(new Problem({ status: 422, message: 'No.', fields }))} />);
    fireEvent.change(screen.getByLabelText('Name'), { target: { value: 'x' } });
    fireEvent.click(screen.getByRole('button', { name: 'Add' }));
    const e = await screen.findByText('must start with http://');
    expect(screen.getByLabelText('URL').getAttribute('aria-describedby')).toContain(e.id);
    expect(screen.getByRole('alert').textContent).toBe('every: is too short');
  });
  it('finds nested fields', () => {
    const set = vi.fn();
    const p = new Problem({ status: 422, message: 'No.', fields: [{ path: 'steps.0.after', message: 'bad' }] });
    expect(placeErrors(p, { steps: [{ after: '' }] }, set)).toBe('');
    expect(set).toHaveBeenCalledWith('steps.0.after', 'bad');
  });
});

describe('states', () => {
  it('shows the sentence and the request id of an error, and tries again', () => {
    const retry = vi.fn();
    show(
      <ErrorState
        what="Checks"
        error={new Problem({ status: 503, message: 'Starting.', requestId: 'r-7' })}
        retry={retry}
      />,
    );
    expect(screen.getByRole('alert').textContent).toContain('Starting. Monitoring itself goes on');
    expect(screen.getByText('r-7')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(retry).toHaveBeenCalledTimes(1);
  });
  it('keeps the dialog open when the action fails', async () => {
    const close = vi.fn();
    show(
      <ConfirmDialog
        opened
        onClose={close}
        title="Remove check a?"
        action="Remove"
        run={() => Promise.reject(new Problem({ status: 409, message: 'In use.' }))}
      />,
    );
    fireEvent.click(screen.getByRole('button', { name: 'Remove' }));
    await waitFor(() => expect(screen.getByRole('alert').textContent).toBe('In use.'));
    expect(close).not.toHaveBeenCalled();
  });
  it('moves between tabs by key', () => {
    const change = vi.fn();
    show(
      <Tabs
        label="T"
        value="a"
        onChange={change}
        tabs={[
          { value: 'a', label: 'A' },
          { value: 'b', label: 'B' },
        ]}
      />,
    );
    fireEvent.keyDown(screen.getByRole('tab', { name: 'A' }), { key: 'ArrowLeft' });
    expect(change).toHaveBeenCalledWith('b');
  });
});
