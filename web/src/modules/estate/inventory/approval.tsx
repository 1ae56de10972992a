import { Select, Switch, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { z } from 'zod/mini';
import { call, http } from '@/api/client';
import type { Schemas } from '@/api/paths';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { done } from '@/ui/toast';

type Settings = Schemas['InventorySettings'];

export function Approval({ may }: { may: boolean }) {
  const query = useQuery({
    queryKey: ['item-settings'],
    queryFn: ({ signal }) => call(http.GET('/api/v1/item-settings', { signal })),
  });
  return (
    <PageBody width="form">
      <Loaded query={query} what="The rule of approval">
        {(v) => <Rule may={may} old={v} />}
      </Loaded>
    </PageBody>
  );
}

function Rule({ may, old }: { may: boolean; old: Settings }) {
  const client = useQueryClient();
  const form = useForm({
    schema: z.object({ enabled: z.boolean(), criticality: z.nullable(z.string()), label: z.string() }),
    initial: {
      enabled: old.approval?.enabled ?? false,
      criticality: (old.approval?.criticality ?? null) as string | null,
      label: old.approval?.label ?? '',
    },
    submit: (v) =>
      call(
        http.PUT('/api/v1/item-settings', {
          body: {
            precedence: old.precedence,
            approval: {
              enabled: v.enabled,
              criticality: (v.criticality ?? undefined) as never,
              label: v.label.trim() || undefined,
            },
          },
        }),
      ),
    done: async () => {
      await client.invalidateQueries({ queryKey: ['item-settings'] });
      done('The rule of approval was saved.');
    },
  });
  const { value, ...enabled } = form.field('enabled') as unknown as { value?: boolean; [k: string]: unknown };
  return (
    <Form form={form} label="Approval">
      <Switch
        label="Changes of some items need a second person"
        description="What a person, a token or a file changes waits until somebody else approves it. What discovery sees still comes in."
        disabled={!may}
        defaultChecked={old.approval?.enabled ?? false}
        {...enabled}
        checked={value}
      />
      <Select
        label="Items of this criticality and above"
        placeholder="None"
        clearable
        disabled={!may}
        data={[
          { value: 'critical', label: 'Critical' },
          { value: 'high', label: 'High' },
          { value: 'medium', label: 'Medium' },
          { value: 'low', label: 'Low' },
        ]}
        {...form.field('criticality')}
      />
      <TextInput
        label="Items with this label"
        placeholder="pci, or env=prod"
        disabled={!may}
        {...form.field('label')}
      />
      {may && <FormActions action="Save" pending={form.pending} />}
    </Form>
  );
}
