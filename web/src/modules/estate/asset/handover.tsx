import { Button, Checkbox, Modal, Select, Textarea, TextInput } from '@mantine/core';
import { type PointerEvent, useRef, useState } from 'react';
import { z } from 'zod/mini';
import { usePeople } from '@/lib/names';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import classes from './asset.module.css';
import { type Asset, checkIn, checkOut, seeAsset } from './queries';

interface Props {
  asset: Asset;
  onClose: () => void;
  onDone: () => void;
}

/** What can be done with an asset in the hand. */
export type Act = 'out' | 'in' | 'seen';

/** The dialog of one act. */
export function ActDialog({ act, ...p }: Props & { act?: Act }) {
  const title = act === 'out' ? 'Hand over' : act === 'in' ? 'Take back' : 'Seen now';
  return (
    <Modal opened={!!act} onClose={p.onClose} title={`${title}: ${p.asset.tag}`} size={520}>
      {act === 'out' && <OutForm {...p} />}
      {act === 'in' && <InForm {...p} />}
      {act === 'seen' && <SeenForm {...p} />}
    </Modal>
  );
}

function OutForm({ asset, onClose, onDone }: Props) {
  const people = usePeople();
  const [signature, setSignature] = useState<string>();
  const form = useForm({
    schema: z.object({
      person: z.string().check(z.minLength(1, 'Choose who gets it.')),
      due_on: z.string(),
      note: z.string(),
    }),
    initial: { person: '', due_on: '', note: '' },
    submit: (v) =>
      checkOut(asset.tag, { person: v.person, due_on: v.due_on || undefined, note: v.note || undefined, signature }),
    done: () => {
      done(`${asset.tag} handed over.`);
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Hand over">
      <Row>
        <Select
          label="To"
          withAsterisk
          searchable
          data={people.filter((p) => !p.disabled).map((p) => ({ value: p.email, label: p.name || p.email }))}
          {...form.field('person')}
        />
        <TextInput type="date" label="Back on" {...form.field('due_on')} />
      </Row>
      <Textarea label="Note" placeholder="With charger and bag" autosize minRows={1} {...form.field('note')} />
      <SignaturePad onChange={setSignature} />
      <FormActions action="Hand over" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

/** A field to sign in with a finger, pen or mouse; gives the PNG in Base64. */
function SignaturePad({ onChange }: { onChange: (png: string | undefined) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drawn, setDrawn] = useState(false);
  const at = (e: PointerEvent<HTMLCanvasElement>) => {
    const box = e.currentTarget.getBoundingClientRect();
    return [((e.clientX - box.left) * 900) / box.width, ((e.clientY - box.top) * 300) / box.height] as const;
  };
  const begin = (e: PointerEvent<HTMLCanvasElement>) => {
    const c = e.currentTarget.getContext('2d');
    if (!c) return;
    e.currentTarget.setPointerCapture(e.pointerId);
    c.lineWidth = 5;
    c.lineCap = c.lineJoin = 'round';
    c.strokeStyle = '#101418';
    c.beginPath();
    c.moveTo(...at(e));
  };
  const draw = (e: PointerEvent<HTMLCanvasElement>) => {
    if (!e.currentTarget.hasPointerCapture(e.pointerId)) return;
    const c = e.currentTarget.getContext('2d');
    c?.lineTo(...at(e));
    c?.stroke();
    setDrawn(true);
  };
  const end = (e: PointerEvent<HTMLCanvasElement>) => {
    if (drawn) onChange(e.currentTarget.toDataURL('image/png').split(',')[1]);
  };
  const clear = () => {
    canvas.current?.getContext('2d')?.clearRect(0, 0, 900, 300);
    setDrawn(false);
    onChange(undefined);
  };
  return (
    <div>
      <div className={classes.padHead}>
        <span>Signature</span>
        <Button size="compact-xs" variant="subtle" disabled={!drawn} onClick={clear}>
          Clear
        </Button>
      </div>
      <canvas
        ref={canvas}
        width={900}
        height={300}
        className={classes.pad}
        aria-label="Sign here"
        onPointerDown={begin}
        onPointerMove={draw}
        onPointerUp={end}
      />
      <p className="muted">Without a signature the person confirms on the page of the asset, signed in.</p>
    </div>
  );
}

function InForm({ asset, onClose, onDone }: Props) {
  const form = useForm({
    schema: z.object({ state: z.string(), location: z.string(), note: z.string() }),
    initial: { state: 'in_stock', location: asset.location ?? '', note: '' },
    submit: (v) =>
      checkIn(asset.tag, {
        state: v.state as 'in_stock',
        location: v.location || undefined,
        note: v.note || undefined,
      }),
    done: () => {
      done(`${asset.tag} is back.`);
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Take back">
      <Row>
        <Select
          label="It goes to"
          allowDeselect={false}
          data={[
            { value: 'in_stock', label: 'Stock' },
            { value: 'repair', label: 'Repair' },
            { value: 'retired', label: 'Retired' },
          ]}
          {...form.field('state')}
        />
        <TextInput label="Location" {...form.field('location')} />
      </Row>
      <Textarea label="Note" placeholder="Scratch on the lid" autosize minRows={1} {...form.field('note')} />
      <FormActions action="Take back" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}

function SeenForm({ asset, onClose, onDone }: Props) {
  const form = useForm({
    schema: z.object({ place: z.string(), moved: z.boolean() }),
    initial: { place: asset.location ?? '', moved: false },
    submit: (v) => seeAsset(asset.tag, v.place, v.moved),
    done: () => {
      done('Written down.');
      onDone();
      onClose();
    },
  });
  return (
    <Form form={form} label="Seen now">
      <TextInput label="Place" data-autofocus {...form.field('place')} />
      <Checkbox
        label="This is its location from now on"
        {...form.mantine.getInputProps('moved', { type: 'checkbox' })}
      />
      <FormActions action="Seen" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
