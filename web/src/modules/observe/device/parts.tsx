import { percent } from '@/lib/format';
import classes from './device.module.css';

/** A share as a bar with its figure; from 80 % on it is a warning, from 95 % on more. */
export function Bar({ ratio, label }: { ratio: number; label: string }) {
  const tone = ratio >= 0.95 ? 'var(--sev-critical)' : ratio >= 0.8 ? 'var(--sev-warning)' : 'var(--accent)';
  return (
    <span className={classes.bar} title={`${label}: ${percent(ratio, 1)}`}>
      <span className={classes.track} aria-hidden>
        <span style={{ width: `${Math.min(100, Math.max(1, ratio * 100))}%`, background: tone }} />
      </span>
      <span className="num">{percent(ratio, ratio < 0.1 ? 1 : 0)}</span>
    </span>
  );
}
