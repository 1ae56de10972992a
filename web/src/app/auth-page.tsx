import type { ReactNode } from 'react';
import classes from './auth.module.css';
import { Mark } from './brand';

export function AuthPage({ title, hint, children }: { title: string; hint?: string; children: ReactNode }) {
  return (
    <main className={classes.page}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Mark size={20} /> Mainstay
        </div>
        <h1>{title}</h1>
        {hint && <p>{hint}</p>}
        {children}
      </div>
    </main>
  );
}
