import type { ComponentType, ReactNode } from 'react';
import classes from './layout.module.css';

/** What stands where nothing is: one line for what is missing, one for what to do, at most one button. */
export function EmptyState({
  icon: Icon,
  title,
  hint,
  small,
  children,
}: {
  icon?: ComponentType<{ size?: number | string; stroke?: number | string }>;
  title: string;
  hint?: ReactNode;
  small?: boolean;
  children?: ReactNode;
}) {
  return (
    <div className={classes.state} data-small={small || undefined}>
      {Icon && <Icon size={22} stroke={1.6} />}
      <h2>{title}</h2>
      {hint && <p>{hint}</p>}
      {children}
    </div>
  );
}
