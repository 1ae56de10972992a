import { Button, NumberInput, Select, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod/mini';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import { deletePath, pathURL, type Spec, savePath } from './queries';

const schema = z.object({
  name: z.string().check(z.trim(), z.minLength(1, 'Give a name.')),
  host: z.string().check(z.trim(), z.minLength(1, 'Give a host name or an address.')),
  proto: z.string(),
  port: z.union([z.number(), z.literal('')]),
  every: z.string().check(z.regex(/^\d+(\.\d+)?(ms|s|m)$/, 'A time such as 2.5s.')),
  family: z.string(),
  from: z.string(),
  item: z.string(),
  max_hops: z.number('Give a number.'),
  size: z.number('Give a number.'),
  dscp: z.number('Give a number.'),
});

const PROTOS = [
  { value: 'icmp', label: 'ICMP' },
  { value: 'udp', label: 'UDP' },
  { value: 'tcp', label: 'TCP' },
];
const FAMILIES = [
  { value: 'auto', label: 'IPv4 if there is one' },
  { value: '4', label: 'IPv4' },
  { value: '6', label: 'IPv6' },
];

/** Makes or changes a path. */
export function PathForm({ old, onClose }: { old: Spec | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [proto, setProto] = useState<string>(old?.proto ?? 'icmp');
  const [asked, setAsked] = useState(false);
  const form = useForm({
    schema,
    initial: {
      name: old?.name ?? '',
      host: old?.host ?? '',
      proto: (old?.proto ?? 'icmp') as string,
      port: (old?.port || '') as number | '',
      every: (old?.every ?? '2.5s') as string,
      family: (old?.family || 'auto') as string,
      from: old?.from ?? '',
      item: old?.item ?? '',
      max_hops: old?.max_hops || 30,
      size: old?.size ?? 0,
      dscp: old?.dscp ?? 0,
    },
    submit: (v) =>
      savePath({
        name: v.name.trim(),
        host: v.host.trim(),
        proto: v.proto as Spec['proto'],
        port: v.proto === 'icmp' || v.port === '' ? undefined : v.port,
        every: v.every,
        family: v.family as Spec['family'],
        from: v.from.trim() || undefined,
        item: v.item.trim() || undefined,
        max_hops: v.max_hops,
        size: v.size,
        dscp: v.dscp,
        disabled: old?.disabled,
      }),
    done: async (_, v) => {
      await client.invalidateQueries({ queryKey: ['paths'] });
      done(old ? 'The path is saved.' : `${v.name.trim()} is measured from now on.`);
      onClose();
      if (!old) void navigate({ to: pathURL(v.name.trim()) as string });
    },
  });
  form.mantine.watch('proto', ({ value }) => setProto(value));
  return (
    <>
      <Form form={form} label="Network path">
        <TextInput
          label="Name"
          withAsterisk
          disabled={!!old}
          placeholder="office to provider"
          {...form.field('name')}
        />
        <TextInput label="Target" withAsterisk placeholder="example.com or 192.0.2.7" {...form.field('host')} />
        <Row>
          <Select label="Probes" data={PROTOS} allowDeselect={false} {...form.field('proto')} />
          {proto !== 'icmp' && (
            <NumberInput
              label="Port"
              min={1}
              max={65535}
              placeholder={proto === 'tcp' ? '443' : '33434'}
              {...form.field('port')}
            />
          )}
          <TextInput label="Every" description="1s to 60s" {...form.field('every')} />
        </Row>
        <Row>
          <Select label="Version of IP" data={FAMILIES} allowDeselect={false} {...form.field('family')} />
          <TextInput label="From" placeholder="the server" description="Name of an edge" {...form.field('from')} />
        </Row>
        <TextInput
          label="Item"
          description="The target in the estate; its team owns the path"
          {...form.field('item')}
        />
        <Row>
          <NumberInput label="Hops at most" min={1} max={64} {...form.field('max_hops')} />
          <NumberInput label="Payload in bytes" min={0} max={1400} {...form.field('size')} />
          <NumberInput label="DSCP" min={0} max={63} {...form.field('dscp')} />
        </Row>
        <div style={{ display: 'flex', alignItems: 'center', justifyContent: 'space-between' }}>
          {old ? (
            <Button variant="default" onClick={() => setAsked(true)}>
              Delete
            </Button>
          ) : (
            <span />
          )}
          <FormActions action={old ? 'Save' : 'Add the path'} pending={form.pending} onCancel={onClose} />
        </div>
      </Form>
      {old && (
        <ConfirmDialog
          opened={asked}
          onClose={() => setAsked(false)}
          title={`Delete the path ${old.name}?`}
          action="Delete the path"
          run={async () => {
            await deletePath(old.name);
            await client.invalidateQueries({ queryKey: ['paths', 'list'] });
            done(`${old.name} is deleted.`);
            void navigate({ to: '/observe/paths' as string });
          }}
        >
          Everything that was measured of it is removed too.
        </ConfirmDialog>
      )}
    </>
  );
}
