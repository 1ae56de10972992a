import { Autocomplete, Modal, NumberInput, Select, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { z } from 'zod/mini';
import { useItemNames } from '@/lib/names';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import { minor } from './parts';
import {
  type Asset,
  bookStock,
  createAsset,
  createLicense,
  createStock,
  putAsset,
  putRelease,
  type Stock,
} from './queries';

interface Dialog {
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
}
const number = z.union([z.number(), z.literal('')]);
const TEXTS = [
  'title',
  'category',
  'manufacturer',
  'model',
  'serial',
  'location',
  'vendor',
  'order_number',
  'purchased_on',
  'currency',
  'warranty_until',
  'support_until',
  'end_of_life',
  'notes',
  'item',
] as const;
type TextName = (typeof TEXTS)[number];
const assetSchema = z.object({
  tag: z.string(),
  price: number,
  ...(Object.fromEntries(TEXTS.map((n) => [n, z.string()])) as Record<TextName, ReturnType<typeof z.string>>),
});

/** Adds an asset, or changes the given one. */
export function AssetDialog({ asset, ...p }: Dialog & { asset?: Asset }) {
  return (
    <Modal opened={p.opened} onClose={p.onClose} title={asset ? `Change ${asset.tag}` : 'Add an asset'} size={640}>
      <AssetForm asset={asset} {...p} />
    </Modal>
  );
}

function AssetForm({ asset: a, onClose, onDone }: Dialog & { asset?: Asset }) {
  const form = useForm({
    schema: assetSchema,
    initial: {
      tag: '',
      price: (a?.currency ? (a.price ?? 0) / minor(1, a.currency) : '') as number | '',
      ...(Object.fromEntries(TEXTS.map((n) => [n, a?.[n] ?? ''])) as Record<TextName, string>),
    },
    submit: (v) => {
      const body = {
        ...(Object.fromEntries(TEXTS.map((n) => [n, v[n] || undefined])) as Partial<Record<TextName, string>>),
        title: v.title,
        price: v.price === '' ? undefined : minor(v.price, v.currency),
      };
      return a ? putAsset(a.tag, body) : createAsset({ ...body, tag: v.tag || undefined });
    },
    done: (made) => {
      done(a ? 'Asset changed.' : `${made.tag} added.`);
      onDone();
      onClose();
    },
  });
  const items = useItemNames(form.mantine.getValues().item);
  return (
    <Form form={form} label="Asset">
      <Row>
        <TextInput
          label="Title"
          withAsterisk
          placeholder="Laptop of the front desk"
          data-autofocus
          {...form.field('title')}
        />
        {!a && <TextInput label="Tag" placeholder="The next number" {...form.field('tag')} />}
      </Row>
      <Row>
        <TextInput label="Category" placeholder="laptop" {...form.field('category')} />
        <TextInput label="Location" placeholder="Berlin, room 4" {...form.field('location')} />
      </Row>
      <Row>
        <TextInput label="Manufacturer" {...form.field('manufacturer')} />
        <TextInput label="Model" {...form.field('model')} />
      </Row>
      <Row>
        <TextInput label="Serial number" {...form.field('serial')} />
        <Autocomplete label="Item on the map" data={items} {...form.field('item')} />
      </Row>
      <Row>
        <TextInput label="Vendor" {...form.field('vendor')} />
        <TextInput label="Order number" {...form.field('order_number')} />
      </Row>
      <Row>
        <TextInput type="date" label="Purchased on" {...form.field('purchased_on')} />
        <NumberInput label="Price" min={0} decimalScale={3} hideControls {...form.field('price')} />
        <TextInput label="Currency" placeholder="EUR" maxLength={3} {...form.field('currency')} />
      </Row>
      <Row>
        <TextInput type="date" label="Warranty until" {...form.field('warranty_until')} />
        <TextInput type="date" label="Support until" {...form.field('support_until')} />
        <TextInput type="date" label="End of life" {...form.field('end_of_life')} />
      </Row>
      <Textarea label="Notes" autosize minRows={2} {...form.field('notes')} />
      <FormActions action={a ? 'Save' : 'Add'} pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

/** Adds a stock. */
export function StockDialog({ opened, onClose, onDone }: Dialog) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a stock" size={520}>
      <StockForm opened onClose={onClose} onDone={onDone} />
    </Modal>
  );
}

function StockForm({ onClose, onDone }: Dialog) {
  const form = useForm({
    schema: z.object({
      name: z.string(),
      category: z.string(),
      unit: z.string(),
      location: z.string(),
      minimum: number,
      quantity: number,
    }),
    initial: {
      name: '',
      category: '',
      unit: '',
      location: '',
      minimum: '' as number | '',
      quantity: '' as number | '',
    },
    submit: (v) =>
      createStock({
        name: v.name,
        category: v.category || undefined,
        unit: v.unit || undefined,
        location: v.location || undefined,
        minimum: v.minimum || undefined,
        quantity: v.quantity || undefined,
      }),
    done: () => {
      done('Stock added.');
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Stock">
      <TextInput label="Name" withAsterisk placeholder="Network cable, 2 m" data-autofocus {...form.field('name')} />
      <Row>
        <TextInput label="Category" {...form.field('category')} />
        <TextInput label="Location" placeholder="Cupboard 2" {...form.field('location')} />
      </Row>
      <Row>
        <NumberInput label="Count now" min={0} hideControls {...form.field('quantity')} />
        <NumberInput label="Minimum" min={0} hideControls {...form.field('minimum')} />
        <TextInput label="Unit" placeholder="piece" {...form.field('unit')} />
      </Row>
      <FormActions action="Add" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

/** Books something in or out. */
export function BookForm({ stock, onDone }: { stock: Stock; onDone: () => void }) {
  const [key, setKey] = useState(0);
  return (
    <BookFields
      key={key}
      stock={stock}
      onDone={() => {
        setKey(key + 1);
        onDone();
      }}
    />
  );
}

function BookFields({ stock, onDone }: { stock: Stock; onDone: () => void }) {
  const form = useForm({
    schema: z.object({ way: z.string(), count: number, reason: z.string() }),
    initial: { way: 'out', count: 1 as number | '', reason: '' },
    submit: (v) => bookStock(stock.id, (v.way === 'out' ? -1 : 1) * Number(v.count), v.reason),
    done: (b) => {
      done(`Booked; ${b.quantity} left.`);
      onDone();
    },
    mapField: (path) => (path === 'change' ? 'count' : path),
  });
  return (
    <Form form={form} label="Booking">
      <Row>
        <Select
          label="Way"
          data={[
            { value: 'out', label: 'Out' },
            { value: 'in', label: 'In' },
          ]}
          allowDeselect={false}
          {...form.field('way')}
        />
        <NumberInput label="Count" min={1} hideControls {...form.field('count')} />
      </Row>
      <TextInput label="Why, and for whom" placeholder="New desk of Ada" {...form.field('reason')} />
      <FormActions action="Book" pending={form.pending} />
    </Form>
  );
}

/** Sets the day on which support of a release ends. */
export function ReleaseDialog({ opened, onClose, onDone }: Dialog) {
  return (
    <Modal opened={opened} onClose={onClose} title="Set an end-of-life date" size={520}>
      <ReleaseForm opened onClose={onClose} onDone={onDone} />
    </Modal>
  );
}

function ReleaseForm({ onClose, onDone }: Dialog) {
  const form = useForm({
    schema: z.object({ product: z.string(), release: z.string(), ends_on: z.string(), source: z.string() }),
    initial: { product: '', release: '', ends_on: '', source: '' },
    submit: (v) =>
      putRelease(v.product.trim() || '-', v.release.trim() || '-', {
        ends_on: v.ends_on || undefined,
        source: v.source || undefined,
      }),
    done: () => {
      done('Date set. Items are looked at again now.');
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Release">
      <Row>
        <TextInput label="Product" withAsterisk placeholder="cisco-asa" data-autofocus {...form.field('product')} />
        <TextInput label="Release" withAsterisk placeholder="9.16, or any" {...form.field('release')} />
      </Row>
      <Row>
        <TextInput type="date" label="Support ends on" {...form.field('ends_on')} />
        <TextInput label="Source" placeholder="Who says so" {...form.field('source')} />
      </Row>
      <FormActions action="Set" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

const MODELS = ['user', 'device', 'core', 'concurrent', 'site', 'subscription'].map((v) => ({
  value: v,
  label: `Per ${v}`
    .replace('Per concurrent', 'Concurrent')
    .replace('Per site', 'Site')
    .replace('Per subscription', 'Subscription'),
}));

/** Adds a license with its first purchase. */
export function LicenseDialog({ opened, onClose, onDone }: Dialog) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a license" size={560}>
      <LicenseForm opened onClose={onClose} onDone={onDone} />
    </Modal>
  );
}

function LicenseForm({ onClose, onDone }: Dialog) {
  const form = useForm({
    schema: z.object({
      name: z.string(),
      product: z.string(),
      vendor: z.string(),
      model: z.string(),
      quantity: number,
      valid_until: z.string(),
      renewal_on: z.string(),
      notice_on: z.string(),
      attribute: z.string(),
      contains: z.string(),
      package: z.string(),
    }),
    initial: {
      name: '',
      product: '',
      vendor: '',
      model: 'user',
      quantity: '' as number | '',
      valid_until: '',
      renewal_on: '',
      notice_on: '',
      attribute: '',
      contains: '',
      package: '',
    },
    submit: (v) =>
      createLicense({
        name: v.name,
        product: v.product,
        vendor: v.vendor || undefined,
        model: v.model as 'user',
        renewal_on: v.renewal_on || undefined,
        notice_on: v.notice_on || undefined,
        attribute: v.attribute || undefined,
        contains: v.contains || undefined,
        package: v.package || undefined,
        purchases: v.quantity ? [{ quantity: v.quantity, valid_until: v.valid_until || undefined }] : undefined,
      }),
    done: () => {
      done('License added.');
      onDone();
      onClose();
    },
    mapField: (path) => path.replace('purchases[0].', ''),
  });
  return (
    <Form form={form} label="License">
      <Row>
        <TextInput label="Name" withAsterisk placeholder="office-suite" data-autofocus {...form.field('name')} />
        <TextInput label="Product" withAsterisk placeholder="Office suite" {...form.field('product')} />
      </Row>
      <Row>
        <TextInput label="Vendor" {...form.field('vendor')} />
        <Select label="Counted" data={MODELS} allowDeselect={false} {...form.field('model')} />
      </Row>
      <Row>
        <NumberInput label="Bought" min={1} hideControls {...form.field('quantity')} />
        <TextInput type="date" label="Valid until" {...form.field('valid_until')} />
      </Row>
      <Row>
        <TextInput type="date" label="Renews on" {...form.field('renewal_on')} />
        <TextInput type="date" label="Give notice by" {...form.field('notice_on')} />
      </Row>
      <Row>
        <TextInput label="Used where attribute" placeholder="os" {...form.field('attribute')} />
        <TextInput label="contains" placeholder="windows server" {...form.field('contains')} />
        <TextInput label="or package" placeholder="editor" {...form.field('package')} />
      </Row>
      <FormActions action="Add" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
