import { Button, Group, Modal, NumberInput, Select, TextInput } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { messageOf } from '@/api/problems';
import { useTeams } from '@/lib/names';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { type Column, DataGrid, SelectionBar } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { useRows } from '@/ui/rows';
import { Time } from '@/ui/Time';
import { done } from '@/ui/toast';
import classes from './health.module.css';
import { inDays, kindTitle, type ListName } from './model';
import { change, dismiss, type Entry, listHealth, restore } from './queries';

const COLUMNS: Column<Entry>[] = [
  {
    id: 'name',
    label: 'Name',
    min: 200,
    main: true,
    render: (r) => (
      <Link to={`/estate/items/${encodeURIComponent(r.name)}` as string} style={{ color: 'inherit' }} tabIndex={-1}>
        {r.name}
      </Link>
    ),
  },
  { id: 'kind', label: 'Kind', width: 130, render: (r) => kindTitle(r.kind) },
  { id: 'owner', label: 'Owner', width: 120, render: (r) => r.owner || <span className="muted">–</span> },
  { id: 'criticality', label: 'Criticality', width: 96, render: (r) => kindTitle(r.criticality) },
  { id: 'reason', label: 'Why it is here', min: 240, render: (r) => r.reason },
  {
    id: 'seen',
    label: 'Seen',
    width: 96,
    right: true,
    render: (r) => (r.seen_at ? <Time at={r.seen_at} /> : <span className="muted">–</span>),
  },
];
const card = (r: Entry) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{r.name}</span>
    <span className="muted">{kindTitle(r.kind)}</span>
    <span className="muted">{r.reason}</span>
    <span className="muted">{r.owner}</span>
  </>
);
const idOf = (r: Entry) => r.name;
type Action = 'owner' | 'retire' | 'dismiss';

/** One list, with what can be done to the chosen items. */
export function HealthList({ list, about }: { list: ListName; about: string }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const may = useCan()('item.write');
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [action, setAction] = useState<Action>();
  const rows = useRows<Entry>({
    queryKey: ['inventory-health', list],
    fetchPage: ({ cursor, limit }, signal) => listHealth(list, cursor, limit, signal),
    idOf,
  });
  const names = [...chosen];
  const after = () => {
    setChosen(new Set());
    rows.reload();
    void client.invalidateQueries({ queryKey: ['inventory-health'] });
  };
  const n = `${names.length} ${names.length === 1 ? 'item' : 'items'}`;
  return (
    <>
      {about && <p className={classes.about}>{about}</p>}
      <SelectionBar count={chosen.size} onClear={() => setChosen(new Set())}>
        <Button variant="default" onClick={() => setAction('owner')}>
          Set owner
        </Button>
        <Button variant="default" onClick={() => setAction('retire')}>
          Retire
        </Button>
        <Button variant="default" onClick={() => setAction('dismiss')}>
          Dismiss
        </Button>
      </SelectionBar>
      <DataGrid
        label="Items of the list"
        columns={COLUMNS}
        rows={rows}
        card={card}
        selected={may ? chosen : undefined}
        onSelect={may ? setChosen : undefined}
        onOpen={(r) => void navigate({ to: `/estate/items/${encodeURIComponent(r.name)}` as string })}
        empty={<EmptyState icon={IconCircleCheck} title="Nothing to do here" hint="No item has this gap." />}
      />
      <OwnerDialog opened={action === 'owner'} names={names} onClose={() => setAction(undefined)} after={after} />
      <DismissDialog
        opened={action === 'dismiss'}
        names={names}
        list={list}
        onClose={() => setAction(undefined)}
        after={after}
      />
      <ConfirmDialog
        opened={action === 'retire'}
        onClose={() => setAction(undefined)}
        title={`Retire ${names.length === 1 ? names[0] : n}?`}
        action="Retire"
        run={async () => {
          await change(names, { lifecycle: 'retired' });
          done(`${n} retired.`, () => void change(names, { lifecycle: 'in_use' }).then(after));
          after();
        }}
      >
        Retired items stay in the inventory and are in none of these lists.
      </ConfirmDialog>
    </>
  );
}

interface DialogProps {
  opened: boolean;
  names: string[];
  onClose: () => void;
  after: () => void;
}

function useRun(onClose: () => void) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const run = async (fn: () => Promise<unknown>) => {
    setBusy(true);
    setError('');
    try {
      await fn();
      onClose();
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}

function OwnerDialog({ opened, names, onClose, after }: DialogProps) {
  const teams = useTeams();
  const [owner, setOwner] = useState<string | null>(null);
  const { busy, error, run } = useRun(onClose);
  return (
    <Modal opened={opened} onClose={onClose} title={`Set the owner of ${names.length}`} size={420}>
      <Select
        label="Team"
        data={teams.map((t) => ({ value: t.name, label: t.title || t.name }))}
        value={owner}
        onChange={setOwner}
        error={error}
        searchable
        nothingFoundMessage="There is no such team."
      />
      <Group justify="flex-end" mt={16} gap={8}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          disabled={!owner}
          loading={busy}
          onClick={() =>
            void run(async () => {
              await change(names, { owner: owner ?? '' });
              done('The owner is set.');
              after();
            })
          }
        >
          Set owner
        </Button>
      </Group>
    </Modal>
  );
}

function DismissDialog({ opened, names, list, onClose, after }: DialogProps & { list: ListName }) {
  const [reason, setReason] = useState('');
  const [days, setDays] = useState<number | string>(90);
  const { busy, error, run } = useRun(onClose);
  return (
    <Modal opened={opened} onClose={onClose} title={`Dismiss ${names.length} from this list`} size={420}>
      <TextInput
        label="Reason"
        value={reason}
        onChange={(e) => setReason(e.currentTarget.value)}
        error={error}
        withAsterisk
      />
      <NumberInput
        label="For how many days"
        mt={10}
        min={1}
        max={3650}
        allowDecimal={false}
        value={days}
        onChange={setDays}
      />
      <Group justify="flex-end" mt={16} gap={8}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          disabled={!reason.trim() || !(Number(days) >= 1)}
          loading={busy}
          onClick={() =>
            void run(async () => {
              await dismiss(list, names, reason.trim(), inDays(Number(days), Date.now()));
              done('Dismissed.', () => void restore(list, names).then(after));
              after();
            })
          }
        >
          Dismiss
        </Button>
      </Group>
    </Modal>
  );
}
