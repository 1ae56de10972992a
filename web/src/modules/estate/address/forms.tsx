import { Checkbox, Modal, NumberInput, Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { z } from 'zod/mini';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import type { Address, Prefix, Vlan } from './model';
import {
  allocate,
  createAddress,
  createPrefix,
  createVlan,
  putAddress,
  putPrefix,
  putVlan,
  vrfsQuery,
} from './queries';

const PREFIX_STATUS = [
  { value: 'active', label: 'Active' },
  { value: 'container', label: 'Container: holds other prefixes' },
  { value: 'reserved', label: 'Reserved' },
  { value: 'deprecated', label: 'Deprecated' },
];
const ADDRESS_STATUS = [
  { value: 'active', label: 'Active' },
  { value: 'reserved', label: 'Reserved' },
  { value: 'dhcp', label: 'DHCP' },
  { value: 'deprecated', label: 'Deprecated' },
];

function useVrfs() {
  const q = useQuery(vrfsQuery);
  return [
    { value: '', label: 'Global table' },
    ...(q.data?.items ?? []).map((v) => ({ value: v.name, label: v.name })),
  ];
}

interface DialogProps {
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}

const prefixSchema = z.object({
  prefix: z.string().check(z.trim(), z.minLength(1, 'Give a network such as 10.1.2.0/24.')),
  vrf: z.string(),
  status: z.string(),
  role: z.string(),
  site: z.string(),
  gateway: z.string(),
  vlan: z.union([z.number(), z.literal('')]),
  warn_at: z.union([z.number(), z.literal('')]),
  description: z.string(),
});

/** Adds a prefix, or changes the given one. */
export function PrefixDialog({ prefix, opened, onClose, onDone }: DialogProps & { prefix?: Prefix }) {
  return (
    <Modal opened={opened} onClose={onClose} title={prefix ? `Change ${prefix.prefix}` : 'Add a prefix'} size={560}>
      <PrefixForm prefix={prefix} onClose={onClose} onDone={onDone} />
    </Modal>
  );
}

function PrefixForm({ prefix: p, onClose, onDone }: { prefix?: Prefix; onClose: () => void; onDone: () => void }) {
  const vrfs = useVrfs();
  const form = useForm({
    schema: prefixSchema,
    initial: {
      prefix: p?.prefix ?? '',
      vrf: p?.vrf ?? '',
      status: p?.status ?? 'active',
      role: p?.role ?? '',
      site: p?.site ?? '',
      gateway: p?.gateway ?? '',
      vlan: p?.vlan || ('' as number | ''),
      warn_at: (p?.warn_at ?? 90) as number | '',
      description: p?.description ?? '',
    },
    submit: (v) => {
      const f = {
        status: v.status as Prefix['status'],
        role: v.role || undefined,
        site: v.site || undefined,
        gateway: v.gateway || undefined,
        vlan: v.vlan || undefined,
        warn_at: v.warn_at || undefined,
        description: v.description || undefined,
      };
      return p ? putPrefix(p.id, f) : createPrefix(v.prefix, v.vrf, f);
    },
    done: () => {
      done(p ? 'Prefix changed.' : 'Prefix added.');
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Prefix">
      <Row>
        <TextInput
          label="Network"
          withAsterisk
          disabled={!!p}
          placeholder="10.1.2.0/24"
          data-autofocus={!p || undefined}
          {...form.field('prefix')}
        />
        <Select label="VRF" data={vrfs} allowDeselect={false} disabled={!!p} {...form.field('vrf')} />
      </Row>
      <Row>
        <Select label="Status" data={PREFIX_STATUS} allowDeselect={false} {...form.field('status')} />
        <TextInput label="Role" placeholder="servers, office, point-to-point" {...form.field('role')} />
      </Row>
      <Row>
        <TextInput label="Gateway" placeholder="10.1.2.1" {...form.field('gateway')} />
        <NumberInput label="VLAN" min={1} max={4094} hideControls {...form.field('vlan')} />
      </Row>
      <Row>
        <TextInput label="Site" placeholder="Berlin" {...form.field('site')} />
        <NumberInput label="Nearly full from" suffix=" %" min={1} max={100} hideControls {...form.field('warn_at')} />
      </Row>
      <Textarea label="Description" autosize minRows={2} {...form.field('description')} />
      <FormActions action={p ? 'Save' : 'Add'} pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

const addressSchema = z.object({
  address: z.string(),
  vrf: z.string(),
  status: z.string(),
  dns_name: z.string(),
  description: z.string(),
  shared: z.boolean(),
});

export interface AddressWish {
  /** The address to change. */
  known?: Address;
  /** Or one to add, perhaps filled in. */
  address?: string;
  vrf?: string;
  /** Or the prefix of which the next free one is taken. */
  from?: Prefix;
}

/** Adds an address, takes the next free one of a prefix, or changes one. */
export function AddressDialog({
  wish,
  onClose,
  onDone,
}: {
  wish?: AddressWish;
  onClose: () => void;
  onDone: () => void;
}) {
  const title = wish?.known
    ? `Change ${wish.known.address}`
    : wish?.from
      ? `Take the next free address of ${wish.from.prefix}`
      : 'Add an address';
  return (
    <Modal opened={!!wish} onClose={onClose} title={title} size={520}>
      {wish && <AddressForm wish={wish} onClose={onClose} onDone={onDone} />}
    </Modal>
  );
}

function AddressForm({ wish, onClose, onDone }: { wish: AddressWish; onClose: () => void; onDone: () => void }) {
  const vrfs = useVrfs();
  const a = wish.known;
  const form = useForm({
    schema: addressSchema,
    initial: {
      address: a?.address ?? wish.address ?? '',
      vrf: a?.vrf ?? wish.vrf ?? '',
      status: a?.status ?? 'active',
      dns_name: a?.dns_name ?? '',
      description: a?.description ?? '',
      shared: a?.shared ?? false,
    },
    submit: (v) => {
      const f = {
        status: v.status as Address['status'],
        dns_name: v.dns_name || undefined,
        description: v.description || undefined,
        shared: v.shared || undefined,
      };
      if (a) return putAddress(a.id, f);
      return wish.from ? allocate(wish.from.id, f) : createAddress(v.address, v.vrf, f);
    },
    done: (made) => {
      done(a ? 'Address changed.' : `${made.address} is yours.`);
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Address">
      {!a && !wish.from && (
        <Row>
          <TextInput label="Address" withAsterisk placeholder="10.1.2.3" data-autofocus {...form.field('address')} />
          <Select label="VRF" data={vrfs} allowDeselect={false} {...form.field('vrf')} />
        </Row>
      )}
      <Row>
        <Select label="Status" data={ADDRESS_STATUS} allowDeselect={false} {...form.field('status')} />
        <TextInput label="DNS name" placeholder="web-1.example.org" {...form.field('dns_name')} />
      </Row>
      <Textarea label="Description" autosize minRows={2} {...form.field('description')} />
      <Checkbox
        label="Shared: several items may have it (virtual or anycast)"
        {...form.mantine.getInputProps('shared', { type: 'checkbox' })}
      />
      <FormActions action={a ? 'Save' : wish.from ? 'Take it' : 'Add'} pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

const vlanSchema = z.object({
  vid: z.union([z.number(), z.literal('')]).check(z.refine((v) => v !== '', 'Give a number from 1 to 4094.')),
  name: z.string().check(z.trim(), z.minLength(1, 'Name it.')),
  site: z.string(),
  description: z.string(),
});

/** Adds a VLAN, or changes the given one. */
export function VlanDialog({ vlan, opened, onClose, onDone }: DialogProps & { vlan?: Vlan }) {
  return (
    <Modal opened={opened} onClose={onClose} title={vlan ? `Change VLAN ${vlan.vid}` : 'Add a VLAN'} size={480}>
      <VlanForm vlan={vlan} onClose={onClose} onDone={onDone} />
    </Modal>
  );
}

function VlanForm({ vlan: v, onClose, onDone }: { vlan?: Vlan; onClose: () => void; onDone: () => void }) {
  const form = useForm({
    schema: vlanSchema,
    initial: {
      vid: (v?.vid ?? '') as number | '',
      name: v?.name ?? '',
      site: v?.site ?? '',
      description: v?.description ?? '',
    },
    submit: (x) => {
      const body = {
        vid: Number(x.vid),
        name: x.name,
        site: x.site || undefined,
        description: x.description || undefined,
      };
      return v ? putVlan(v.id, body) : createVlan(body);
    },
    done: () => {
      done(v ? 'VLAN changed.' : 'VLAN added.');
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="VLAN">
      <Row>
        <NumberInput
          label="Number"
          withAsterisk
          min={1}
          max={4094}
          hideControls
          data-autofocus
          {...form.field('vid')}
        />
        <TextInput label="Name" withAsterisk placeholder="servers" {...form.field('name')} />
      </Row>
      <TextInput label="Site" placeholder="Berlin" {...form.field('site')} />
      <Textarea label="Description" autosize minRows={2} {...form.field('description')} />
      <FormActions action={v ? 'Save' : 'Add'} pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
