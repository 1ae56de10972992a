import { useRef } from 'react';
import classes from './layout.module.css';

export interface Tab<V extends string = string> {
  value: V;
  label: string;
  count?: number;
}

/** The tabs of a page. Their value belongs into the URL; the content goes into <div role="tabpanel">. */
export function Tabs<V extends string>({
  tabs,
  value,
  onChange,
  label,
}: {
  tabs: readonly Tab<V>[];
  value: V;
  onChange: (v: V) => void;
  label: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const step = (d: number) => {
    const i = tabs.findIndex((t) => t.value === value);
    const next = tabs[(i + d + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.value);
    box.current?.querySelector<HTMLElement>(`[data-value="${next.value}"]`)?.focus();
  };
  return (
    <div ref={box} className={classes.tabs} role="tablist" aria-label={label}>
      {tabs.map((t) => (
        <button
          key={t.value}
          type="button"
          role="tab"
          data-value={t.value}
          aria-selected={t.value === value}
          tabIndex={t.value === value ? 0 : -1}
          onClick={() => onChange(t.value)}
          onKeyDown={(e) => {
            if (e.key === 'ArrowRight') step(1);
            if (e.key === 'ArrowLeft') step(-1);
          }}
        >
          {t.label}
          {t.count !== undefined && <em className="num">{t.count}</em>}
        </button>
      ))}
    </div>
  );
}
