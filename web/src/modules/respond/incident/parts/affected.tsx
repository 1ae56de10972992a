import { ActionIcon, Autocomplete, Button } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconX } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useItems } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { EmptyState } from '@/ui/EmptyState';
import { Panel } from '@/ui/Panel';
import { RefLink } from '@/ui/RefLink';
import { SevMark } from '@/ui/SevMark';
import { StatusMark } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { failed } from '@/ui/toast';
import classes from '../incident.module.css';
import type { Detail } from '../model';
import { addItem, removeItem } from '../queries';

/** What it is about: items with their state, and other records. */
export function Affected({ incident: i }: { incident: Detail }) {
  const may = useCan()('incident.write') && i.state !== 'closed';
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const reread = () => client.invalidateQueries({ queryKey: ['incident', i.number] });
  const remove = async (kind: string, name: string) => {
    try {
      await removeItem(i.number, kind, name);
      await reread();
    } catch (e) {
      failed(`Removing ${name}`, e);
    }
  };
  const links = i.links ?? [];
  return (
    <Panel
      title="Affected items"
      flush
      tools={
        may &&
        !adding && (
          <Button variant="subtle" onClick={() => setAdding(true)}>
            Add an item
          </Button>
        )
      }
    >
      {adding && (
        <AddItem
          onClose={() => setAdding(false)}
          run={async (name) => {
            await addItem(i.number, name);
            await reread();
          }}
        />
      )}
      {links.length === 0 && !adding ? (
        <EmptyState
          small
          title="No item"
          hint="Add what is broken, so that its owners and reports see this incident."
        />
      ) : (
        <ul className={classes.list}>
          {links.map((l) => (
            <li key={`${l.kind}:${l.id}`}>
              <span className={classes.line}>
                <RefLink to={l} showState={false} />
                {l.title && l.title !== l.name && <span className="mono muted">{l.name}</span>}
                {l.state && <StatusMark state={l.state} />}
              </span>
              {may && (
                <ActionIcon
                  aria-label={`Remove ${l.name} from ${i.number}`}
                  onClick={() => void remove(l.kind, l.name)}
                >
                  <IconX size={14} />
                </ActionIcon>
              )}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function AddItem({ onClose, run }: { onClose: () => void; run: (name: string) => Promise<void> }) {
  const [name, setName] = useState('');
  const [asked] = useDebouncedValue(name, 150);
  const [busy, setBusy] = useState(false);
  const items = useItems(asked);
  const add = async () => {
    if (!name.trim()) return;
    setBusy(true);
    try {
      await run(name.trim());
      onClose();
    } catch (e) {
      failed(`Adding ${name}`, e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className={classes.add}
      onSubmit={(e) => {
        e.preventDefault();
        void add();
      }}
    >
      <Autocomplete
        size="xs"
        aria-label="Name of the item"
        placeholder="Name of the item"
        autoFocus
        data={items.map((x) => x.name)}
        value={name}
        onChange={setName}
      />
      <Button type="submit" loading={busy} disabled={!name.trim()}>
        Add
      </Button>
      <Button variant="default" onClick={onClose}>
        Cancel
      </Button>
    </form>
  );
}

/** The alerts that belong to the incident, what fires first. */
export function Alerts({ incident: i }: { incident: Detail }) {
  const alerts = [...(i.alerts ?? [])].sort((a, b) => Number(!!a.ended_at) - Number(!!b.ended_at));
  if (!alerts.length) return null;
  return (
    <Panel title="Alerts" note={i.alerts_firing ? `${i.alerts_firing} firing` : 'None fires any more'} flush>
      <ul className={classes.list}>
        {alerts.map((a) => (
          <li key={a.id}>
            <span className={classes.line}>
              <SevMark severity={a.severity} label={false} />
              <Link to={`/respond/alerts/${a.id}` as string}>{a.title}</Link>
              <StatusMark state={a.status} />
            </span>
            <Time at={a.ended_at ?? a.started_at} />
            {a.output && <small className="mono">{a.output}</small>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
