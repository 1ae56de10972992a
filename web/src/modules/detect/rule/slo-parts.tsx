import { Modal, NumberInput, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { messageOf, Problem } from '@/api/problems';
import { percent } from '@/lib/format';
import { Form, FormActions, Row } from '@/ui/form';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import { type Objective, type ObjectiveBody, saveObjective } from './queries';

/** What is left of the error budget, as a word with a color. */
export function BudgetMark({ left }: { left?: number }) {
  if (left === undefined) return <span className="muted">no data</span>;
  const tone = left <= 0 ? 'down' : left < 0.25 ? 'warn' : 'ok';
  return <Pill tone={tone}>{left <= 0 ? `overdrawn, ${percent(left, 1)}` : percent(left, 1)}</Pill>;
}

/** Makes or changes an objective. */
export function ObjectiveDialog({
  opened,
  onClose,
  onDone,
  old,
  etag,
}: {
  opened: boolean;
  onClose: () => void;
  onDone: () => void;
  old?: Objective;
  etag?: string;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title={old ? `Change ${old.name}` : 'Add an objective'} size="lg">
      <Fields onClose={onClose} onDone={onDone} old={old} etag={etag} />
    </Modal>
  );
}

function Fields({
  onClose,
  onDone,
  old,
  etag,
}: {
  onClose: () => void;
  onDone: () => void;
  old?: Objective;
  etag?: string;
}) {
  const [v, setV] = useState({
    name: old?.name ?? '',
    description: old?.description ?? '',
    total: old?.total ?? '',
    part: old?.good ?? old?.bad ?? '',
    item: old?.item ?? '',
    objective: old?.objective ?? 99.9,
    period: old?.period ? Number.parseInt(old.period, 10) / 24 : 30,
  });
  const [kind, setKind] = useState(old?.good ? 'good' : 'bad');
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [general, setGeneral] = useState('');
  const [pending, setPending] = useState(false);
  const set = (patch: Partial<typeof v>) => setV((o) => ({ ...o, ...patch }));
  const text = (key: 'name' | 'description' | 'total' | 'part' | 'item') => ({
    value: v[key],
    error: errors[key === 'part' ? kind : key],
    onChange: (e: { currentTarget: { value: string } }) => set({ [key]: e.currentTarget.value }),
  });
  const send = async () => {
    setPending(true);
    setErrors({});
    setGeneral('');
    const body: ObjectiveBody = {
      objective: v.objective,
      period: `${v.period}d`,
      total: v.total.trim(),
      [kind]: v.part.trim(),
      item: v.item.trim() || undefined,
      team: old?.team,
      description: v.description.trim() || undefined,
    };
    try {
      await saveObjective(v.name.trim(), body, etag);
      done(`${v.name} was saved.`);
      onDone();
      onClose();
    } catch (e) {
      if (e instanceof Problem && e.fields.length) {
        const known = ['name', 'description', 'total', 'bad', 'good', 'item', 'objective', 'period'];
        const at = (p: string) => p.replace(/^body\./, '');
        setErrors(Object.fromEntries(e.fields.map((f) => [at(f.path), f.message])));
        setGeneral(
          e.fields
            .filter((f) => !known.includes(at(f.path)))
            .map((f) => f.message)
            .join(' '),
        );
      } else setGeneral(messageOf(e));
    } finally {
      setPending(false);
    }
  };
  return (
    <Form
      form={{
        onSubmit: (e) => {
          e.preventDefault();
          void send();
        },
        general,
      }}
      label="Objective"
    >
      <TextInput
        label="Name"
        withAsterisk
        placeholder="shop-checkout"
        disabled={!!old}
        data-autofocus
        {...text('name')}
      />
      <Row>
        <NumberInput
          label="Goal"
          description="Percent of events that must be good."
          suffix=" %"
          min={0}
          max={100}
          decimalScale={4}
          value={v.objective}
          error={errors.objective}
          onChange={(n) => set({ objective: Number(n) })}
        />
        <NumberInput
          label="Period"
          description="7 to 90 days."
          suffix=" days"
          min={7}
          max={90}
          value={v.period}
          error={errors.period}
          onChange={(n) => set({ period: Number(n) })}
        />
      </Row>
      <Textarea
        label="All events"
        withAsterisk
        description="PromQL with $window where the range stands."
        placeholder={'sum(rate(http_requests_total{app="shop"}[$window]))'}
        autosize
        minRows={1}
        classNames={{ input: 'mono' }}
        {...text('total')}
      />
      <SegmentedControl
        aria-label="What the second question counts"
        style={{ alignSelf: 'flex-start' }}
        data={[
          { value: 'bad', label: 'Bad events' },
          { value: 'good', label: 'Good events' },
        ]}
        value={kind}
        onChange={setKind}
      />
      <Textarea
        aria-label={kind === 'bad' ? 'Bad events' : 'Good events'}
        placeholder={'sum(rate(http_requests_total{app="shop",code=~"5.."}[$window]))'}
        autosize
        minRows={1}
        classNames={{ input: 'mono' }}
        {...text('part')}
      />
      <TextInput label="Item" description="What it is about." {...text('item')} />
      <Textarea label="Description" autosize minRows={1} {...text('description')} />
      <FormActions action="Save" pending={pending} onCancel={onClose} />
    </Form>
  );
}
