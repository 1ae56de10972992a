import { Button, Popover, Select, TextInput } from '@mantine/core';
import { IconFilterPlus, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import classes from './flows.module.css';
import { negate } from './model';
import { type Asked, topQuery } from './queries';

/** The filters as chips: a click turns one to its opposite, the cross takes it away. */
export function Chips({
  filters,
  dimensions,
  asked,
  onChange,
}: {
  filters: string[];
  dimensions: { name: string; title: string }[];
  asked: Asked;
  onChange: (f: string[]) => void;
}) {
  const [open, setOpen] = useState(false);
  const [dim, setDim] = useState('address');
  const [value, setValue] = useState('');
  // Names of values come with the answer about the traffic.
  const named = useQuery({ ...topQuery(asked, 'exporter', 'bytes', 1, false), enabled: filters.length > 0 });
  const wrong = named.error instanceof Error && filters.length > 0 ? named.error.message : '';
  const title = (name: string) => dimensions.find((d) => d.name === name)?.title ?? name;
  const add = () => {
    const v = value.trim();
    if (!v) return;
    onChange([...filters.filter((f) => f !== `${dim}:${v}`), `${dim}:${v}`]);
    setValue('');
    setOpen(false);
  };
  return (
    <>
      {filters.map((f) => {
        const not = f.startsWith('!');
        const plain = not ? f.slice(1) : f;
        const at = plain.indexOf(':');
        const label = named.data?.filters.find((x) => x.text === f)?.label.text ?? plain.slice(at + 1);
        return (
          <span key={f} className={classes.chip} data-not={not || undefined} title={wrong || plain.slice(at + 1)}>
            <button
              type="button"
              title={not ? 'Show only these' : 'Leave these out'}
              onClick={() => onChange(filters.map((x) => (x === f ? negate(f) : x)))}
            >
              {not && <b>not</b>} <i>{title(plain.slice(0, at))}</i> {label}
            </button>
            <button
              type="button"
              aria-label={`Remove the filter ${label}`}
              onClick={() => onChange(filters.filter((x) => x !== f))}
            >
              <IconX size={11} />
            </button>
          </span>
        );
      })}
      <Popover opened={open} onChange={setOpen} position="bottom-start" width={280} trapFocus>
        <Popover.Target>
          <Button
            variant="default"
            px={8}
            leftSection={<IconFilterPlus size={13} />}
            onClick={() => setOpen((o) => !o)}
          >
            Filter
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <form
            className={classes.addFilter}
            onSubmit={(e) => {
              e.preventDefault();
              add();
            }}
          >
            <Select
              label="By"
              data={dimensions.map((d) => ({ value: d.name, label: d.title }))}
              value={dim}
              onChange={(v) => v && setDim(v)}
              allowDeselect={false}
              comboboxProps={{ withinPortal: false }}
            />
            <TextInput
              label="Value"
              placeholder={EXAMPLE[dim] ?? ''}
              value={value}
              onChange={(e) => setValue(e.currentTarget.value)}
              data-autofocus
            />
            <Button type="submit" disabled={!value.trim()}>
              Add
            </Button>
          </form>
        </Popover.Dropdown>
      </Popover>
    </>
  );
}

const EXAMPLE: Record<string, string> = {
  src: '10.0.0.1 or 10.0.0.0/8',
  dst: '10.0.0.1 or 10.0.0.0/8',
  address: '10.0.0.1 or 10.0.0.0/8',
  pair: '10.0.0.1>10.0.0.2',
  src_net: '10.0.0.0/24',
  dst_net: '10.0.0.0/24',
  app: 'https',
  service: 'tcp/443',
  src_port: '443',
  dst_port: '443',
  protocol: 'tcp',
  exporter: '10.0.0.1',
  edge: 'branch',
  in: '10.0.0.1/3',
  out: '10.0.0.1/3',
  interface: '10.0.0.1/3',
  src_as: '64500',
  dst_as: '64500',
  dscp: '46',
  tcp_flags: '2',
};
