import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import classes from './layout.module.css';

/** The title line of a page. `parent` makes a way back; children are the tools; <Spacer/> pushes what follows to the right. */
export function PageHead({
  title,
  parent,
  before,
  children,
}: {
  title: string;
  parent?: { label: string; to: string };
  /** Marks between the way back and the title. */
  before?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <header className={classes.head}>
      <div className={classes.crumb}>
        {parent && (
          <>
            <Link to={parent.to as string}>{parent.label}</Link>
            <span aria-hidden="true">/</span>
          </>
        )}
        {before}
        <h1 title={title}>{title}</h1>
      </div>
      <div className={classes.tools}>{children}</div>
    </header>
  );
}

/** Takes the free room between tools. */
export function Spacer() {
  return <div className={classes.grow} />;
}

/** A line of filters below the title. */
export function Toolbar({ children, label = 'Filters' }: { children: ReactNode; label?: string }) {
  return (
    <div className={classes.toolbar} role="toolbar" aria-label={label}>
      {children}
    </div>
  );
}

/** The scrolling body of a page that is not a grid. width="form" is narrow and centered. */
export function PageBody({ children, label, width }: { children: ReactNode; label?: string; width?: 'form' }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
    <section className={classes.scroll} tabIndex={0} aria-label={label ?? 'Content'}>
      <div className={classes.page} data-width={width}>
        {children}
      </div>
    </section>
  );
}

/** Main part and side panel of a detail page; the side goes below on a phone. */
export function DetailLayout({ children, side, label }: { children: ReactNode; side: ReactNode; label?: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by key
    <section className={classes.scroll} tabIndex={0} aria-label={label ?? 'Content'}>
      <div className={classes.detail}>
        <div className={classes.detailMain}>{children}</div>
        <aside className={classes.side} aria-label="Details">
          {side}
        </aside>
      </div>
    </section>
  );
}

/** A titled part of the side panel. */
export function SideSection({ title, tools, children }: { title: string; tools?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.sideSection}>
      <h2>
        {title} {tools}
      </h2>
      {children}
    </section>
  );
}
