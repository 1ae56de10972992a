import { useNavigate } from '@tanstack/react-router';
import { Pill, words } from '@/ui/StatusMark';
import { Tabs } from '@/ui/Tabs';
import type { Tone } from '@/ui/tone';

const TABS = [
  { value: 'assets', label: 'Assets' },
  { value: 'stock', label: 'Stock' },
  { value: 'licenses', label: 'Licenses' },
  { value: 'end-of-life', label: 'End of life' },
  { value: 'expiring', label: 'Expiring' },
];

/** The lists of what is owned. */
export function Sections({ at }: { at: 'assets' | 'stock' | 'licenses' | 'end-of-life' | 'expiring' }) {
  const navigate = useNavigate();
  return (
    <Tabs label="Assets" tabs={TABS} value={at} onChange={(v) => void navigate({ to: `/estate/${v}` as string })} />
  );
}

export const STATES = ['ordered', 'in_stock', 'in_use', 'repair', 'retired', 'disposed'] as const;
const TONES: Record<string, Tone> = { in_use: 'ok', repair: 'warn', ordered: 'unknown', retired: 'maint' };

/** The state of an asset. */
export function AssetState({ state }: { state: string }) {
  return <Pill tone={TONES[state] ?? 'plain'}>{words(state)}</Pill>;
}

/** A price in the smallest unit of a currency, in words of that currency. */
export function money(minor: number | undefined, currency: string | undefined): string | undefined {
  if (!currency) return undefined;
  const f = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  return f.format((minor ?? 0) / 10 ** (f.resolvedOptions().maximumFractionDigits ?? 2));
}

/** What a person typed as a price, in the smallest unit of the currency. */
export function minor(typed: number, currency: string): number {
  let digits = 2;
  try {
    digits =
      new Intl.NumberFormat('en-US', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    digits = 2; // the server says what is wrong with the code
  }
  return Math.round(typed * 10 ** digits);
}
