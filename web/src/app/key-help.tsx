import { Kbd, Modal } from '@mantine/core';
import type { NavEntry } from '@/lib/module';
import classes from './shell.module.css';

const ANYWHERE: [string, string][] = [
  ['Ctrl K', 'Search and commands'],
  ['Ctrl J', 'Light or dark theme'],
  ['[', 'Narrow or wide navigation'],
  ['?', 'This help'],
];
const LISTS: [string, string][] = [
  ['/', 'Filter'],
  ['j', 'Next row'],
  ['k', 'Previous row'],
  ['Enter', 'Open'],
  ['x', 'Select'],
  ['a', 'Acknowledge'],
  ['Escape', 'Clear the selection'],
];

/** The list of keys. */
export default function KeyHelp({ entries, onClose }: { entries: NavEntry[]; onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keyboard" size={620}>
      <div className={classes.keys}>
        <div style={{ display: 'block' }}>
          <Keys title="Anywhere" keys={ANYWHERE} />
          <Keys title="In lists" keys={LISTS} />
        </div>
        <div style={{ display: 'block' }}>
          <Keys title="Go to" keys={entries.map((n) => [n.chord, n.label])} />
        </div>
      </div>
    </Modal>
  );
}

function Keys({ title, keys }: { title: string; keys: [string, string][] }) {
  return (
    <section style={{ display: 'block' }}>
      <h3>{title}</h3>
      <dl style={{ margin: 0 }}>
        {keys.map(([k, label]) => (
          <div key={k}>
            <dt>{label}</dt>
            <dd>
              {k.split(' ').map((x) => (
                <Kbd key={x}>{x}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
