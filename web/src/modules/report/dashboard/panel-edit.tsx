import { ActionIcon, Button, NumberInput, Select, Switch, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { Row } from '@/ui/form';
import classes from './dashboard.module.css';
import { type Look, PanelBox } from './grid';
import { KINDS, UNITS } from './model';
import type { Panel } from './queries';

const asks = (k: Panel['kind']) => k !== 'text' && k !== 'items';
const TONES = [
  { value: 'ok', label: 'Good' },
  { value: 'warn', label: 'Warning' },
  { value: 'down', label: 'Critical' },
];

/** Changes one panel, with what it would show above. */
export function PanelEdit({
  panel,
  look,
  onSave,
  onClose,
}: {
  panel: Panel;
  look: Look;
  onSave: (p: Panel) => void;
  onClose: () => void;
}) {
  const [p, setP] = useState<Panel>(panel);
  const [shown] = useDebouncedValue(p, 500);
  const put = (x: Partial<Panel>) => setP((old) => ({ ...old, ...x }));
  const queries = p.queries ?? [];
  const query = (i: number, x: Partial<{ expr: string; legend: string }>) =>
    put({ queries: queries.map((q, k) => (k === i ? { ...q, ...x } : q)) });
  const asked = { ...shown, queries: (shown.queries ?? []).filter((q) => q.expr.trim() || shown.kind === 'log') };
  const ready = !asks(shown.kind) || asked.queries.length > 0 || shown.kind === 'log';
  const bad = asks(p.kind) && p.kind !== 'log' && !queries.some((q) => q.expr.trim());
  const units = UNITS.some((u) => u.value === (p.unit ?? ''))
    ? UNITS
    : [...UNITS, { value: p.unit as string, label: p.unit as string }];
  const numbers = ['series', 'stat', 'top', 'table', 'heatmap'].includes(p.kind);
  return (
    <form
      style={{ display: 'flex', flexDirection: 'column', gap: 12 }}
      onSubmit={(e) => {
        e.preventDefault();
        if (bad) return;
        onSave({
          ...p,
          queries: asks(p.kind)
            ? queries.filter((q) => q.expr.trim() || p.kind === 'log').slice(0, p.kind === 'log' ? 1 : 10)
            : undefined,
        });
      }}
    >
      <div className={classes.panel} style={{ height: 240 }}>
        {ready ? (
          <PanelBox panel={{ ...asked, h: 7 }} look={look} />
        ) : (
          <div className={classes.nothing}>Write a query to see what it shows</div>
        )}
      </div>
      <Row>
        <TextInput
          label="Title"
          value={p.title ?? ''}
          maxLength={200}
          data-autofocus
          onChange={(e) => put({ title: e.currentTarget.value })}
        />
        <Select
          label="Shows"
          allowDeselect={false}
          data={KINDS}
          value={p.kind}
          onChange={(k) =>
            put({ kind: (k ?? 'series') as Panel['kind'], queries: queries.length ? queries : [{ expr: '' }] })
          }
        />
      </Row>
      {asks(p.kind) &&
        queries.slice(0, p.kind === 'log' ? 1 : 10).map((q, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: queries have no other name
          <div key={i} style={{ display: 'flex', gap: 8, alignItems: 'flex-end' }}>
            <Textarea
              style={{ flex: 3 }}
              label={p.kind === 'log' ? 'Query in LogsQL' : `Query ${queries.length > 1 ? i + 1 : ''} in PromQL`}
              placeholder={
                p.kind === 'log' ? 'error' : 'rate(host_network_receive_bytes_total{item="$host"}[$__rate_interval])'
              }
              autosize
              minRows={1}
              maxRows={8}
              spellCheck={false}
              styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
              value={q.expr}
              onChange={(e) => query(i, { expr: e.currentTarget.value })}
            />
            {p.kind !== 'log' && p.kind !== 'heatmap' && (
              <TextInput
                style={{ flex: 1 }}
                label={p.kind === 'table' ? 'Column' : 'Name of a line'}
                placeholder="{{item}}"
                value={q.legend ?? ''}
                onChange={(e) => query(i, { legend: e.currentTarget.value })}
              />
            )}
            {queries.length > 1 && p.kind !== 'log' && (
              <ActionIcon
                variant="subtle"
                color="gray"
                size={30}
                aria-label={`Remove query ${i + 1}`}
                onClick={() => put({ queries: queries.filter((_, k) => k !== i) })}
              >
                <IconX size={14} />
              </ActionIcon>
            )}
          </div>
        ))}
      {asks(p.kind) && p.kind !== 'log' && queries.length < 10 && (
        <Button
          style={{ alignSelf: 'flex-start' }}
          size="compact-sm"
          variant="default"
          leftSection={<IconPlus size={13} />}
          onClick={() => put({ queries: [...queries, { expr: '' }] })}
        >
          Another query
        </Button>
      )}
      {p.kind === 'text' && (
        <Textarea
          label="Text"
          autosize
          minRows={3}
          maxRows={14}
          value={p.text ?? ''}
          onChange={(e) => put({ text: e.currentTarget.value })}
        />
      )}
      {p.kind === 'items' && (
        <TextInput
          label="Only the kind"
          placeholder="host"
          value={p.item_kind ?? ''}
          onChange={(e) => put({ item_kind: e.currentTarget.value })}
        />
      )}
      {numbers && (
        <Row>
          <Select
            label="Unit"
            allowDeselect={false}
            data={units}
            value={p.unit ?? ''}
            onChange={(u) => put({ unit: u || undefined })}
          />
          {p.kind === 'stat' && (
            <Select
              label="Of the time"
              allowDeselect={false}
              data={[
                { value: 'last', label: 'the last value' },
                { value: 'mean', label: 'the mean' },
                { value: 'max', label: 'the greatest' },
                { value: 'min', label: 'the least' },
                { value: 'sum', label: 'the sum' },
              ]}
              value={p.reduce ?? 'last'}
              onChange={(r) => put({ reduce: (r ?? 'last') as Panel['reduce'] })}
            />
          )}
          {p.kind === 'series' && <Ends p={p} put={put} />}
        </Row>
      )}
      {p.kind === 'series' && (
        <div style={{ display: 'flex', gap: 20 }}>
          <Switch
            label="Filled"
            checked={!!p.area}
            onChange={(e) => put({ area: e.currentTarget.checked || undefined })}
          />
          <Switch
            label="On each other"
            checked={!!p.stack}
            onChange={(e) => put({ stack: e.currentTarget.checked || undefined })}
          />
        </div>
      )}
      {['top', 'table', 'log', 'items'].includes(p.kind) && (
        <NumberInput
          label="At most"
          w={140}
          min={1}
          max={p.kind === 'log' ? 200 : 500}
          value={p.limit ?? ''}
          onChange={(v) => put({ limit: Number(v) || undefined })}
        />
      )}
      {['series', 'stat', 'top', 'table'].includes(p.kind) && <Thresholds p={p} put={put} />}
      <div style={{ display: 'flex', justifyContent: 'flex-end', gap: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" disabled={bad}>
          Done
        </Button>
      </div>
    </form>
  );
}

function Ends({ p, put }: { p: Panel; put: (x: Partial<Panel>) => void }) {
  const number = (v: string | number) => (v === '' || v === '-' ? undefined : Number(v));
  return (
    <>
      <NumberInput
        label="Axis from"
        placeholder="by itself"
        value={p.min ?? ''}
        onChange={(v) => put({ min: number(v) })}
      />
      <NumberInput
        label="Axis to"
        placeholder="by itself"
        value={p.max ?? ''}
        onChange={(v) => put({ max: number(v) })}
      />
    </>
  );
}

function Thresholds({ p, put }: { p: Panel; put: (x: Partial<Panel>) => void }) {
  const list = p.thresholds ?? [];
  const set = (i: number, x: Partial<(typeof list)[number]>) =>
    put({ thresholds: list.map((t, k) => (k === i ? { ...t, ...x } : t)) });
  return (
    <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8, alignItems: 'center' }}>
      <span className="muted">Thresholds</span>
      {list.map((t, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: thresholds have no other name
        <span key={i} style={{ display: 'inline-flex', gap: 4, alignItems: 'center' }}>
          <span className="muted">from</span>
          <NumberInput
            aria-label={`Threshold ${i + 1}`}
            w={90}
            value={t.value}
            onChange={(v) => set(i, { value: Number(v) || 0 })}
          />
          <Select
            aria-label={`Tone of threshold ${i + 1}`}
            w={110}
            allowDeselect={false}
            data={TONES}
            value={t.tone}
            onChange={(v) => set(i, { tone: (v ?? 'warn') as 'warn' })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove threshold ${i + 1}`}
            onClick={() => put({ thresholds: list.filter((_, k) => k !== i) })}
          >
            <IconX size={13} />
          </ActionIcon>
        </span>
      ))}
      {list.length < 10 && (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => put({ thresholds: [...list, { value: 0, tone: 'warn' }] })}
        >
          Add
        </Button>
      )}
    </div>
  );
}
