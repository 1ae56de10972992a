import { useNavigate } from '@tanstack/react-router';
import { Tabs } from '@/ui/Tabs';
import classes from './address.module.css';
import type { Prefix } from './model';
import { capacityText } from './model';

const TABS = [
  { value: 'prefixes', label: 'Prefixes' },
  { value: 'addresses', label: 'Addresses' },
  { value: 'vlans', label: 'VLANs' },
];

/** The three lists of addresses. */
export function Sections({ at }: { at: 'prefixes' | 'addresses' | 'vlans' }) {
  const navigate = useNavigate();
  return (
    <Tabs label="Addresses" tabs={TABS} value={at} onChange={(v) => void navigate({ to: `/estate/${v}` as string })} />
  );
}

/** How full a prefix is: a bar with its figures. */
export function Usage({ prefix: p }: { prefix: Prefix }) {
  const text = `${p.used.toLocaleString('en-US')} of ${capacityText(p.capacity)}`;
  if (p.status === 'container') return <span className="muted num">{text}</span>;
  const width = p.used === 0 ? 0 : Math.max(2, p.percent);
  return (
    <span className={classes.usage} title={`${text}, ${p.percent.toFixed(1)} %; nearly full from ${p.warn_at} %`}>
      <span className={classes.bar} data-full={p.nearly_full || undefined}>
        <i style={{ width: `${width}%` }} />
      </span>
      <span className="num">{text}</span>
    </span>
  );
}
