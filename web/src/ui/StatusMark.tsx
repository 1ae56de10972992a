import type { CSSProperties, ReactNode } from 'react';
import classes from './marks.module.css';
import { type Tone, toneOf } from './tone';

const GLYPH: Record<Tone, ReactNode> = {
  ok: (
    <path
      d="M2.2 6.4 4.8 9l5-5.6"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
    />
  ),
  warn: <path d="M6 1 11.4 10.6H.6z" />,
  down: <path d="M2.6 2.6l6.8 6.8M9.4 2.6 2.6 9.4" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />,
  unknown: <circle cx="6" cy="6" r="3.9" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="3 2" />,
  maint: <path d="M3.4 2.4v7.2M8.6 2.4v7.2" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" />,
  plain: <circle cx="6" cy="6" r="2.6" />,
};

/** "unreachable" gives "Unreachable"; "on_call" gives "On call". */
export function words(state: string): string {
  if (state === 'ok') return 'OK';
  const s = state.replaceAll('_', ' ');
  return s.charAt(0).toUpperCase() + s.slice(1);
}

/** The state of a check, item or record as glyph, color and word. `soft` tells that it is not confirmed yet. */
export function StatusMark({ state, label = true, soft = false }: { state: string; label?: boolean; soft?: boolean }) {
  const tone = toneOf(state);
  return (
    <span
      className={classes.mark}
      data-strong={(tone === 'down' && !soft) || undefined}
      style={{ '--tone': `var(--${tone === 'plain' ? 'tx-2' : `st-${tone}`})` } as CSSProperties}
    >
      <svg viewBox="0 0 12 12" width="11" height="11" fill="currentColor" aria-hidden="true">
        {GLYPH[tone]}
      </svg>
      <span className={label ? undefined : 'vh'}>
        {words(state)}
        {soft && <span className="muted"> · soft</span>}
      </span>
    </span>
  );
}

/** A small framed word with a dot; the tone follows from the state unless given. */
export function Pill({ state, tone, children }: { state?: string; tone?: Tone; children?: ReactNode }) {
  const t = tone ?? toneOf(state ?? '');
  return (
    <span
      className={classes.pill}
      data-tone={t}
      style={{ '--tone': `var(--${t === 'plain' ? 'tx-2' : `st-${t}`})` } as CSSProperties}
    >
      {children ?? words(state ?? '')}
    </span>
  );
}

/** A label or other small word without a meaning of good or bad. */
export function Tag({ children }: { children: ReactNode }) {
  return <span className={classes.tag}>{children}</span>;
}
