import type { CSSProperties, ReactNode } from 'react';
import classes from './marks.module.css';

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

// The shape differs by level, so that it reads without color.
const GLYPH: Record<Severity, ReactNode> = {
  critical: <path d="M6 .8 11.2 6 6 11.2.8 6z" />,
  high: <path d="M6 1 11.4 10.6H.6z" />,
  medium: <rect x="1.6" y="1.6" width="8.8" height="8.8" rx="1.6" />,
  low: <circle cx="6" cy="6" r="4.6" />,
  info: <circle cx="6" cy="6" r="3.9" fill="none" stroke="currentColor" strokeWidth="1.6" />,
};

function Glyph({ level, word, label }: { level: Severity; word: string; label: boolean }) {
  return (
    <span
      className={classes.mark}
      data-strong={level === 'critical' || undefined}
      style={{ '--tone': `var(--sev-${level})` } as CSSProperties}
    >
      <svg viewBox="0 0 12 12" width="11" height="11" fill="currentColor" aria-hidden="true">
        {GLYPH[level]}
      </svg>
      <span className={label ? undefined : 'vh'}>{word}</span>
    </span>
  );
}

const OTHER: Record<string, Severity> = { warning: 'high', error: 'critical', unknown: 'medium' };

/** Severity as shape, color and word. Words it does not know get the ring. */
export function SevMark({ severity, label = true }: { severity: string; label?: boolean }) {
  const known = (SEVERITIES as readonly string[]).includes(severity);
  const level = known ? (severity as Severity) : (OTHER[severity] ?? 'info');
  return <Glyph level={level} word={severity.charAt(0).toUpperCase() + severity.slice(1)} label={label} />;
}

/** Priority 1 (highest) to 5 as shape, color and "P1". */
export function PriorityMark({ priority, label = true }: { priority: number; label?: boolean }) {
  return (
    <Glyph level={SEVERITIES[Math.min(Math.max(priority, 1), 5) - 1] ?? 'info'} word={`P${priority}`} label={label} />
  );
}
