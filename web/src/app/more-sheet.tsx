import { Drawer } from '@mantine/core';
import { useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import classes from './shell.module.css';

/** All of the navigation on a phone; closes when a page was chosen. */
export default function MoreSheet({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  const path = useRouterState({ select: (s) => s.location.pathname });
  const first = useRef(path);
  useEffect(() => {
    if (path !== first.current) onClose();
  }, [path, onClose]);
  return (
    <Drawer opened onClose={onClose} position="bottom" size="auto" title="Mainstay">
      <div className={classes.sheet}>{children}</div>
    </Drawer>
  );
}
