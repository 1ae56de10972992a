import { Button, FileButton, Modal, NumberInput, Switch, TextInput } from '@mantine/core';
import { IconCoin, IconPhoto } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useParams } from '@tanstack/react-router';
import { type PointerEvent, useRef, useState } from 'react';
import { z } from 'zod/mini';
import { useCan } from '@/lib/permissions';
import { useLive } from '@/lib/stream';
import { DateTimeField } from '@/ui/DateTimeField';
import { Form, FormActions, Row, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { done, failed } from '@/ui/toast';
import { floorName } from './floors';
import classes from './iot.module.css';
import { heat } from './model';
import { floorQuery, placeRooms, setPlan, setPrice } from './queries';

export const Route = createLazyRoute('/observe/iot/floors/$id')({ component: Page });

type View = Awaited<
  ReturnType<NonNullable<ReturnType<typeof floorQuery>['queryFn']> extends (c: never) => infer R ? () => R : never>
>;
type Room = View['room_list'][number];

function Page() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const query = useQuery(floorQuery(id));
  const cache = useQueryClient();
  const may = useCan()('iot.write');
  const [moving, setMoving] = useState(false);
  const [pricing, setPricing] = useState(false);
  useLive('iot', (n) => {
    if (n.kind === 'floors') void cache.invalidateQueries({ queryKey: ['iot', 'floor', id] });
  });
  const upload = async (file: File | null) => {
    if (!file) return;
    try {
      await setPlan(id, file);
      done('The plan was set.');
      await query.refetch();
    } catch (e) {
      failed('The plan was not set', e);
    }
  };
  return (
    <>
      <PageHead
        title={query.data ? floorName(query.data) : 'Floor'}
        parent={{ label: 'Sensors', to: '/observe/iot?tab=floors' }}
      >
        <Spacer />
        {may && (
          <>
            <Switch label="Move rooms" checked={moving} onChange={(e) => setMoving(e.currentTarget.checked)} />
            <Button variant="default" leftSection={<IconCoin size={14} />} onClick={() => setPricing(true)}>
              Price
            </Button>
            <FileButton accept="image/png,image/svg+xml" onChange={(f) => void upload(f)}>
              {(p) => (
                <Button variant="default" leftSection={<IconPhoto size={14} />} {...p}>
                  Plan
                </Button>
              )}
            </FileButton>
          </>
        )}
      </PageHead>
      <PageBody label="Floor">
        <Loaded query={query} what="The floor" rows={10}>
          {(f) => (
            <>
              <Plan floor={f} moving={moving} />
              <Panel title="Rooms, energy of the last 24 hours" flush>
                <Rooms floor={f} />
              </Panel>
              <p className="muted" style={{ margin: 0 }}>
                {f.formula}
              </p>
            </>
          )}
        </Loaded>
      </PageBody>
      <Modal opened={pricing} onClose={() => setPricing(false)} title="Price of energy" size={480}>
        {pricing && <PriceForm onClose={() => setPricing(false)} />}
      </Modal>
    </>
  );
}

const money = (n: number | undefined, currency?: string) =>
  n === undefined ? '–' : `${n.toFixed(2)} ${currency ?? ''}`;
const unit = (n: number | undefined, u: string, digits = 1) => (n === undefined ? '–' : `${n.toFixed(digits)} ${u}`);
const occupied = (r: Room) => (r.occupied === undefined ? '–' : r.occupied ? 'occupied' : 'free');

function Rooms({ floor: f }: { floor: View }) {
  return (
    <table className={`plain ${classes.rooms}`}>
      <thead>
        <tr>
          <th>Room</th>
          <th>Temperature</th>
          <th>Humidity</th>
          <th>Occupancy</th>
          <th>Power</th>
          <th>Energy</th>
          <th>Cost</th>
        </tr>
      </thead>
      <tbody>
        {f.room_list.map((r) => (
          <tr key={r.id}>
            <td>{r.name}</td>
            <td className="num">{unit(r.temperature, '°C')}</td>
            <td className="num">{unit(r.humidity, '%', 0)}</td>
            <td>{occupied(r)}</td>
            <td className="num">{unit(r.power, 'W', 0)}</td>
            <td className="num">{unit(r.energy, 'kWh', 2)}</td>
            <td className="num">{money(r.cost, f.currency)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Spot = { x: number; y: number; w: number; h: number };

const within = (p: Spot): Spot => ({
  ...p,
  x: Math.max(0, Math.min(1000 - p.w, Math.round(p.x))),
  y: Math.max(0, Math.min(1000 - p.h, Math.round(p.y))),
});

/** The rooms on the plan. They are moved with the pointer, or with the arrow keys when they have the focus. */
function Plan({ floor: f, moving }: { floor: View; moving: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const cache = useQueryClient();
  const [spots, setSpots] = useState<Record<string, Spot>>({});
  const drag = useRef<{ id: string; dx: number; dy: number }>(undefined);
  const spotOf = (r: Room): Spot => spots[r.id] ?? { x: r.x, y: r.y, w: r.w, h: r.h };
  const store = async (id: string, spot: Spot) => {
    try {
      await placeRooms(f.id, { [id]: spot });
      await cache.invalidateQueries({ queryKey: ['iot', 'floor', f.id] });
    } catch (e) {
      failed('The room was not moved', e);
    }
  };
  const at = (e: PointerEvent) => {
    const b = box.current?.getBoundingClientRect();
    return b
      ? { x: ((e.clientX - b.left) / b.width) * 1000, y: ((e.clientY - b.top) / b.height) * 1000 }
      : { x: 0, y: 0 };
  };
  const move = (r: Room, spot: Spot) => setSpots((s) => ({ ...s, [r.id]: within(spot) }));
  const keys: Record<string, [number, number]> = {
    ArrowLeft: [-10, 0],
    ArrowRight: [10, 0],
    ArrowUp: [0, -10],
    ArrowDown: [0, 10],
  };
  return (
    <section className={classes.plan} ref={box} aria-label="Plan">
      {f.plan && <img src={`/api/v1/iot/floors/${f.id}/plan?v=${f.plan}`} alt="" />}
      {f.room_list.map((r) => {
        const p = spotOf(r);
        return (
          <button
            type="button"
            key={r.id}
            className={classes.room}
            data-moves={moving || undefined}
            aria-label={`${r.name}, ${unit(r.temperature, '°C')}, ${occupied(r)}${moving ? ', move with the arrow keys' : ''}`}
            style={{
              left: `${p.x / 10}%`,
              top: `${p.y / 10}%`,
              width: `${p.w / 10}%`,
              height: `${p.h / 10}%`,
              backgroundImage: heat(r.temperature)
                ? `linear-gradient(${heat(r.temperature)}, ${heat(r.temperature)})`
                : undefined,
            }}
            onPointerDown={(e) => {
              if (!moving) return;
              e.currentTarget.setPointerCapture(e.pointerId);
              const c = at(e);
              drag.current = { id: r.id, dx: c.x - p.x, dy: c.y - p.y };
            }}
            onPointerMove={(e) => {
              const g = drag.current;
              if (g?.id !== r.id) return;
              const c = at(e);
              move(r, { ...p, x: c.x - g.dx, y: c.y - g.dy });
            }}
            onPointerUp={() => {
              if (drag.current?.id !== r.id) return;
              drag.current = undefined;
              void store(r.id, spotOf(r));
            }}
            onKeyDown={(e) => {
              const k = keys[e.key];
              if (!moving || !k) return;
              e.preventDefault();
              const next = within({ ...p, x: p.x + k[0], y: p.y + k[1] });
              move(r, next);
              void store(r.id, next);
            }}
          >
            <b>{r.name}</b>
            <span className="num">{unit(r.temperature, '°C')}</span>
            {r.occupied !== undefined && <span>{occupied(r)}</span>}
            {r.power !== undefined && <span className="num">{unit(r.power, 'W', 0)}</span>}
            {r.cost !== undefined && <span className="num">{money(r.cost, f.currency)}</span>}
            {r.silent > 0 && <span>{r.silent} not heard</span>}
          </button>
        );
      })}
    </section>
  );
}

const schema = z.object({ price: z.number(), currency: z.string().check(z.minLength(1)), since: z.string() });

function PriceForm({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const form = useForm({
    schema,
    initial: { price: 0.3, currency: 'EUR', since: '' },
    submit: (v) => setPrice(v.price, v.currency, v.since || '2020-01-01T00:00:00Z'),
    done: () => {
      void cache.invalidateQueries({ queryKey: ['iot'] });
      onClose();
    },
  });
  return (
    <Form form={form} label="Price of energy">
      <Row>
        <NumberInput label="For one kWh" decimalScale={5} min={0} {...form.field('price')} />
        <TextInput label="Currency" {...form.field('currency')} />
      </Row>
      <DateTimeField
        label="Since"
        description="Empty is always"
        value={form.mantine.values.since}
        onChange={(v) => form.mantine.setFieldValue('since', v ?? '')}
      />
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
