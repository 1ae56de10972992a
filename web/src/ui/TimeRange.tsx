import { Button, Popover, SegmentedControl } from '@mantine/core';
import { IconCalendar } from '@tabler/icons-react';
import { useState } from 'react';
import { type Preset, type Range, RECENT, resolveRange } from '@/lib/range';
import { absolute, useZone } from '@/lib/time';
import { DateTimeField } from './DateTimeField';
import { Form, FormActions } from './form';

/** Presets and an own range. Keep its value in the URL: const [s, set] = useUrlState(); <TimeRange value={s} onChange={set} />. */
export function TimeRange({
  value,
  onChange,
  presets = RECENT,
  fallback = '-24h',
}: {
  value: Range;
  onChange: (r: Range) => void;
  presets?: Preset[];
  /** What is meant when the URL says nothing. */
  fallback?: string;
}) {
  const zone = useZone();
  const [open, setOpen] = useState(false);
  const [own, setOwn] = useState({ from: '', to: '' });
  const current = value.from ?? fallback;
  const known = presets.some((p) => p.value === current);
  const show = () => {
    const r = resolveRange(value, Date.now(), fallback);
    setOwn({ from: r.from.toISOString(), to: r.to.toISOString() });
    setOpen(true);
  };
  const bad = own.from && own.to && own.to <= own.from ? 'The end must be after the start.' : '';
  return (
    <>
      <SegmentedControl
        aria-label="Time range"
        data={presets}
        value={known ? current : ''}
        onChange={(v) => onChange({ from: v === fallback ? undefined : v, to: undefined })}
      />
      <Popover opened={open} onChange={setOpen} position="bottom-end" width={260} trapFocus>
        <Popover.Target>
          <Button
            variant="default"
            leftSection={<IconCalendar size={13} />}
            onClick={show}
            aria-label="Choose a time range"
            px={8}
          >
            {known || !value.from || !value.to
              ? 'Custom'
              : `${absolute(value.from, zone).slice(0, 16)} to ${absolute(value.to, zone).slice(0, 16)}`}
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <Form
            label="Time range"
            form={{
              general: '',
              onSubmit: (e) => {
                e.preventDefault();
                if (bad || !own.from || !own.to) return;
                onChange(own);
                setOpen(false);
              },
            }}
          >
            <DateTimeField label="From" value={own.from} onChange={(from) => setOwn((o) => ({ ...o, from }))} />
            <DateTimeField label="To" value={own.to} error={bad} onChange={(to) => setOwn((o) => ({ ...o, to }))} />
            <FormActions action="Show" pending={false} onCancel={() => setOpen(false)} />
          </Form>
        </Popover.Dropdown>
      </Popover>
    </>
  );
}
