import { Alert, Button, FileInput, Modal, Textarea, TextInput } from '@mantine/core';
import { IconFileImport, IconLayoutDashboard, IconPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { type Column, DataGrid, RowCount } from '@/ui/DataGrid';
import { EmptyState } from '@/ui/EmptyState';
import { ClearFilters, SearchBox } from '@/ui/Filters';
import { PageHead, Spacer, Toolbar } from '@/ui/PageHead';
import { useRows } from '@/ui/rows';
import { Tag } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { slug, specOf } from './model';
import { type Brief, createDashboard, importDashboard, listDashboards, type Spec } from './queries';

export const Route = createLazyRoute('/report/dashboards')({ component: List });

const url = (name: string) => `/report/dashboards/${name}` as string;
const COLUMNS: Column<Brief>[] = [
  {
    id: 'title',
    label: 'Dashboard',
    min: 200,
    main: true,
    render: (d) => (
      <Link to={url(d.name)} style={{ color: 'inherit' }} tabIndex={-1}>
        {d.title}
      </Link>
    ),
  },
  { id: 'description', label: 'What it shows', min: 260, render: (d) => d.description },
  { id: 'panels', label: 'Panels', width: 80, right: true, render: (d) => d.panels },
  {
    id: 'by',
    label: 'Changed by',
    min: 140,
    render: (d) => (d.shipped ? <Tag>comes with Mainstay</Tag> : d.updated_by),
  },
  {
    id: 'at',
    label: 'Changed',
    width: 110,
    right: true,
    render: (d) => (d.updated_at ? <Time at={d.updated_at} /> : ''),
  },
];
const card = (d: Brief) => (
  <>
    <span style={{ color: 'var(--tx-0)' }}>{d.title}</span>
    <span className="muted">{d.panels}</span>
    <span className="muted">{d.description}</span>
    <span />
  </>
);
const idOf = (d: Brief) => d.name;

function List() {
  const [s, set] = useUrlState<{ q?: string; add?: 'new' | 'import' }>();
  const navigate = useNavigate();
  const may = useCan()('dashboard.write');
  const rows = useRows<Brief>({
    queryKey: ['dashboards', s.q],
    fetchPage: ({ cursor, limit }, signal) => listDashboards(s.q, cursor, limit, signal),
    idOf,
  });
  const close = () => set({ add: undefined });
  return (
    <>
      <PageHead title="Dashboards">
        <RowCount rows={rows} one="dashboard" many="dashboards" />
        <Spacer />
        {may && (
          <Button variant="default" leftSection={<IconFileImport size={14} />} onClick={() => set({ add: 'import' })}>
            Import
          </Button>
        )}
        {may && (
          <Button leftSection={<IconPlus size={14} />} onClick={() => set({ add: 'new' })}>
            Make a dashboard
          </Button>
        )}
      </PageHead>
      <Toolbar>
        <SearchBox
          value={s.q ?? ''}
          onChange={(q) => set({ q: q || undefined })}
          placeholder="Title"
          label="Find dashboards"
        />
        <ClearFilters on={!!s.q} onClear={() => set({ q: undefined })} />
      </Toolbar>
      <DataGrid
        label="Dashboards"
        columns={COLUMNS}
        rows={rows}
        card={card}
        onOpen={(d) => void navigate({ to: url(d.name) })}
        empty={
          <EmptyState
            icon={IconLayoutDashboard}
            title="No dashboard is called like this"
            hint="Change or clear the text."
          />
        }
      />
      <Modal opened={s.add === 'new' && may} onClose={close} title="Make a dashboard" size={420}>
        {s.add === 'new' && <New onClose={close} />}
      </Modal>
      <Modal opened={s.add === 'import' && may} onClose={close} title="Import a dashboard" size={620}>
        {s.add === 'import' && <Import onClose={close} />}
      </Modal>
    </>
  );
}

function New({ onClose }: { onClose: () => void }) {
  const [title, setTitle] = useState('');
  const [busy, setBusy] = useState(false);
  const navigate = useNavigate();
  const client = useQueryClient();
  const name = slug(title);
  return (
    <form
      style={{ display: 'flex', flexDirection: 'column', gap: 12 }}
      onSubmit={(e) => {
        e.preventDefault();
        if (!name) return;
        setBusy(true);
        createDashboard({ name, title: title.trim(), range: '6h', refresh: '1m' })
          .then(async () => {
            await client.invalidateQueries({ queryKey: ['dashboards'] });
            await navigate({ to: `${url(name)}?edit=true` as string });
          })
          .catch((err) => failed('The dashboard', err))
          .finally(() => setBusy(false));
      }}
    >
      <TextInput
        label="Title"
        withAsterisk
        data-autofocus
        value={title}
        maxLength={200}
        placeholder="Web shop"
        onChange={(e) => setTitle(e.currentTarget.value)}
      />
      <div style={{ display: 'flex', justifyContent: 'flex-end', gap: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={busy} disabled={!name}>
          Make it
        </Button>
      </div>
    </form>
  );
}

function Import({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [left, setLeft] = useState<{ name: string; list: string[] }>();
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);
  const navigate = useNavigate();
  const client = useQueryClient();
  const go = (name: string) => navigate({ to: url(name) });
  const run = async () => {
    setBusy(true);
    setWrong('');
    try {
      const json = JSON.parse(text) as Record<string, unknown>;
      // What Mainstay wrote has panels with a kind; Grafana's have a type.
      const panels = json.panels as { kind?: string }[] | undefined;
      if (typeof json.name === 'string' && (!panels?.length || panels.every((p) => p.kind))) {
        const d = await createDashboard(specOf(json as unknown as Spec));
        await client.invalidateQueries({ queryKey: ['dashboards'] });
        done(`${d.title} was imported.`);
        return void (await go(d.name));
      }
      const r = await importDashboard(json, undefined, false);
      await client.invalidateQueries({ queryKey: ['dashboards'] });
      if (r.left_out.length) setLeft({ name: r.dashboard.name, list: r.left_out });
      else await go(r.dashboard.name);
    } catch (e) {
      setWrong(e instanceof SyntaxError ? `This is no JSON: ${e.message}` : e instanceof Error ? e.message : String(e));
    } finally {
      setBusy(false);
    }
  };
  if (left)
    return (
      <div style={{ display: 'flex', flexDirection: 'column', gap: 12 }}>
        <Alert color="yellow" title="It was imported, without this">
          <ul style={{ margin: 0, paddingLeft: 18 }}>
            {left.list.map((l) => (
              <li key={l}>{l}</li>
            ))}
          </ul>
        </Alert>
        <Button style={{ alignSelf: 'flex-end' }} onClick={() => void go(left.name)}>
          Open it
        </Button>
      </div>
    );
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 12 }}>
      <p className="muted" style={{ margin: 0 }}>
        The JSON of a dashboard of Mainstay or of Grafana. Of Grafana's, panels with queries in PromQL are taken over.
      </p>
      <FileInput
        label="File"
        placeholder="Choose a file"
        accept="application/json,.json"
        clearable
        onChange={(f) => void f?.text().then(setText)}
      />
      <Textarea
        label="or its text"
        minRows={5}
        maxRows={12}
        autosize
        value={text}
        spellCheck={false}
        onChange={(e) => setText(e.currentTarget.value)}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 11 } }}
      />
      {wrong && (
        <Alert color="red" title="It was not imported">
          {wrong}
        </Alert>
      )}
      <div style={{ display: 'flex', justifyContent: 'flex-end', gap: 8 }}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button loading={busy} disabled={!text.trim()} onClick={() => void run()}>
          Import
        </Button>
      </div>
    </div>
  );
}
