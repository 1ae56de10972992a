import { ActionIcon, Alert, Button, Menu, Modal } from '@mantine/core';
import {
  IconCopy,
  IconDots,
  IconDownload,
  IconLink,
  IconMaximize,
  IconMinimize,
  IconPencil,
  IconPlus,
  IconSettings,
  IconTrash,
} from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useBlocker, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { useUrlState } from '@/lib/url';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageHead, Spacer } from '@/ui/PageHead';
import { Tag } from '@/ui/StatusMark';
import { done, failed } from '@/ui/toast';
import { Controls } from './controls';
import classes from './dashboard.module.css';
import { Grid } from './grid';
import { arrange, bottom } from './layout';
import { newId, specOf } from './model';
import { PanelEdit } from './panel-edit';
import {
  createDashboard,
  type Dashboard,
  dashboardQuery,
  deleteDashboard,
  own,
  type Panel,
  type Spec,
  saveDashboard,
} from './queries';
import { Settings } from './settings';
import { Sharing } from './share';
import { type Search, useLook } from './use-look';

export const Route = createLazyRoute('/report/dashboards/$name')({ component: Page });

function Page() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const query = useQuery(dashboardQuery(name));
  if (query.data) return <View key={query.data.data.name} board={query.data.data} etag={query.data.etag} />;
  return (
    <>
      <PageHead title="Dashboard" parent={{ label: 'Dashboards', to: '/report/dashboards' }} />
      <Loaded query={query} what="The dashboard" rows={12}>
        {() => null}
      </Loaded>
    </>
  );
}

const typing = (e: KeyboardEvent) =>
  e.ctrlKey ||
  e.metaKey ||
  e.altKey ||
  !!(e.target as HTMLElement).closest('input,textarea,select,[contenteditable],[role=dialog]');

function View({ board, etag }: { board: Dashboard; etag: string | undefined }) {
  const [s, set] = useUrlState<Search>();
  const can = useCan();
  const client = useQueryClient();
  const navigate = useNavigate();
  const may = can('dashboard.write');
  const [draft, setDraft] = useState<Spec>();
  const [panel, setPanel] = useState<Panel>();
  const [open, setOpen] = useState<'settings' | 'share' | 'delete'>();
  const [saving, setSaving] = useState(false);
  const edit = !!s.edit && may && !board.shipped;
  const spec: Spec = edit ? (draft ?? specOf(board)) : board;
  const { look, options, error, fallback, reload } = useLook(spec, s, set, own, true);
  const changed = edit && !!draft && JSON.stringify(draft) !== JSON.stringify(specOf(board));
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      changed && current.pathname !== next.pathname && !window.confirm('Leave without saving the changes?'),
    enableBeforeUnload: changed,
  });

  const wall = (on: boolean) => {
    set({ wall: on || undefined });
    if (on) document.documentElement.requestFullscreen?.().catch(() => undefined);
    else if (document.fullscreenElement) void document.exitFullscreen();
  };
  const copy = async () => {
    try {
      for (let i = 1; i < 50; i++) {
        const copied = `${board.name}-copy${i > 1 ? `-${i}` : ''}`;
        try {
          await createDashboard({ ...specOf(board), name: copied, title: `${board.title} (copy)` });
        } catch (e) {
          if (!(e instanceof Error && 'status' in e && e.status === 409)) throw e;
          continue;
        }
        done(`${board.title} was copied.`);
        await navigate({ to: `/report/dashboards/${copied}?edit=true` as string });
        return;
      }
    } catch (e) {
      failed('The copy', e);
    }
  };
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (typing(e)) return;
      if (e.key === 'f') wall(!s.wall);
      else if (e.key === 'e' && may && !board.shipped && !s.edit) set({ edit: true });
      else if (e.key === 'Escape' && s.wall) wall(false);
      else return;
      e.preventDefault();
    };
    // Escape leaves the full screen of the browser without a key for the page.
    const left = () => s.wall && !document.fullscreenElement && set({ wall: undefined });
    window.addEventListener('keydown', key);
    document.addEventListener('fullscreenchange', left);
    return () => {
      window.removeEventListener('keydown', key);
      document.removeEventListener('fullscreenchange', left);
    };
  });

  const save = async () => {
    if (!draft) return set({ edit: undefined });
    setSaving(true);
    try {
      await saveDashboard(draft, etag);
      await client.invalidateQueries({ queryKey: ['dashboard', board.name] });
      await client.invalidateQueries({ queryKey: ['dashboards'] });
      setDraft(undefined);
      set({ edit: undefined });
      done(`${draft.title || draft.name} was saved.`);
    } catch (e) {
      failed('The dashboard', e);
    } finally {
      setSaving(false);
    }
  };
  const put = (p: Partial<Spec>) => setDraft({ ...spec, ...p });
  const panels = spec.panels ?? [];
  const add = () =>
    setPanel({
      id: newId(panels),
      kind: 'series',
      title: '',
      x: 0,
      y: bottom(panels),
      w: 12,
      h: 8,
      queries: [{ expr: '' }],
    });

  const body = (
    <>
      {error && (
        <Alert color="red" m="sm" title="The choices cannot be read">
          {error.message}
        </Alert>
      )}
      <section
        className={classes.body}
        aria-label="Panels"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        {panels.length ? (
          <Grid
            panels={panels}
            look={look}
            onChange={edit ? (p) => put({ panels: p }) : undefined}
            onEdit={edit ? setPanel : undefined}
          />
        ) : (
          <EmptyState
            title="No panels yet"
            hint={edit ? 'A panel asks one question and shows the answer.' : 'Change the dashboard to add some.'}
          >
            {edit ? (
              <Button leftSection={<IconPlus size={14} />} onClick={add}>
                Add a panel
              </Button>
            ) : (
              may && !board.shipped && <Button onClick={() => set({ edit: true })}>Change</Button>
            )}
          </EmptyState>
        )}
      </section>
    </>
  );
  if (s.wall)
    return (
      <div className={classes.wall}>
        <PageHead title={board.title || board.name}>
          <Spacer />
          <ActionIcon variant="subtle" color="gray" aria-label="Leave full screen" onClick={() => wall(false)}>
            <IconMinimize size={16} />
          </ActionIcon>
        </PageHead>
        {body}
      </div>
    );
  return (
    <>
      <PageHead title={spec.title || board.name} parent={{ label: 'Dashboards', to: '/report/dashboards' }}>
        {board.shipped && <Tag>comes with Mainstay</Tag>}
        <Spacer />
        {edit ? (
          <>
            <Button variant="default" leftSection={<IconPlus size={14} />} onClick={add}>
              Add a panel
            </Button>
            <Button variant="default" leftSection={<IconSettings size={14} />} onClick={() => setOpen('settings')}>
              Settings
            </Button>
            <Button
              variant="default"
              onClick={() => {
                setDraft(undefined);
                set({ edit: undefined });
              }}
            >
              Cancel
            </Button>
            <Button loading={saving} onClick={() => void save()}>
              Save
            </Button>
          </>
        ) : (
          <>
            {may && !board.shipped && (
              <Button variant="default" leftSection={<IconPencil size={14} />} onClick={() => set({ edit: true })}>
                Change
              </Button>
            )}
            {may && board.shipped && (
              <Button variant="default" leftSection={<IconCopy size={14} />} onClick={() => void copy()}>
                Copy to change
              </Button>
            )}
            <ActionIcon variant="default" size={30} aria-label="Full screen" onClick={() => wall(true)}>
              <IconMaximize size={15} />
            </ActionIcon>
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon variant="default" size={30} aria-label="More">
                  <IconDots size={16} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                {can('dashboard.share') && (
                  <Menu.Item leftSection={<IconLink size={14} />} onClick={() => setOpen('share')}>
                    Share by link
                  </Menu.Item>
                )}
                {may && (
                  <Menu.Item leftSection={<IconCopy size={14} />} onClick={() => void copy()}>
                    Copy
                  </Menu.Item>
                )}
                <Menu.Item leftSection={<IconDownload size={14} />} onClick={() => download(board)}>
                  Save as JSON
                </Menu.Item>
                {may && !board.shipped && (
                  <Menu.Item color="red" leftSection={<IconTrash size={14} />} onClick={() => setOpen('delete')}>
                    Delete
                  </Menu.Item>
                )}
              </Menu.Dropdown>
            </Menu>
          </>
        )}
      </PageHead>
      <Controls
        spec={spec}
        search={s}
        set={set}
        values={look.values}
        options={options}
        fallback={fallback}
        onReload={reload}
      />
      {body}
      <Modal opened={!!panel} onClose={() => setPanel(undefined)} title={panel?.title || 'Panel'} size={900}>
        {panel && (
          <PanelEdit
            panel={panel}
            look={look}
            onClose={() => setPanel(undefined)}
            onSave={(p) => {
              put({
                panels: arrange(panels, p).map((x) => (x.id === p.id ? { ...p, x: x.x, y: x.y, w: x.w, h: x.h } : x)),
              });
              setPanel(undefined);
            }}
          />
        )}
      </Modal>
      <Modal opened={open === 'settings'} onClose={() => setOpen(undefined)} title="Settings" size={640}>
        {open === 'settings' && (
          <Settings
            spec={spec}
            onClose={() => setOpen(undefined)}
            onSave={(p) => {
              put(p);
              setOpen(undefined);
            }}
          />
        )}
      </Modal>
      <Modal
        opened={open === 'share'}
        onClose={() => setOpen(undefined)}
        title={`Share ${board.title || board.name}`}
        size={640}
      >
        {open === 'share' && <Sharing name={board.name} />}
      </Modal>
      <ConfirmDialog
        opened={open === 'delete'}
        onClose={() => setOpen(undefined)}
        title={`Delete the dashboard ${board.title}?`}
        action="Delete"
        run={async () => {
          await deleteDashboard(board.name);
          await client.invalidateQueries({ queryKey: ['dashboards'] });
          done(`${board.title} was deleted.`);
          await navigate({ to: '/report/dashboards' as string });
        }}
      >
        Links to it stop working. What it shows stays where it is.
      </ConfirmDialog>
    </>
  );
}

function download(board: Dashboard) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(specOf(board), null, 2)], { type: 'application/json' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = `${board.name}.json`;
  a.click();
  URL.revokeObjectURL(url);
}
