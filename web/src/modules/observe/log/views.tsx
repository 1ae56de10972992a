import { ActionIcon, Button, Checkbox, Menu, Modal, TextInput } from '@mantine/core';
import { IconBookmark, IconBookmarkPlus, IconTrash, IconUsers } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { messageOf } from '@/api/problems';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { Form, FormActions, useForm } from '@/ui/form';
import { done } from '@/ui/toast';
import classes from './logs.module.css';
import { addView, removeView, type View, viewsQuery } from './queries';

const schema = z.object({
  name: z.string().check(z.minLength(1, 'Give it a name.'), z.maxLength(100, 'At most 100 characters.')),
  shared: z.boolean(),
});

/** The saved views: opens, saves and removes them. */
export function Views({
  query,
  since,
  cols,
  onOpen,
}: {
  query: string;
  /** The range as an age, for a view that is saved now. */
  since: string;
  cols: string[];
  onOpen: (v: View) => void;
}) {
  const can = useCan();
  const client = useQueryClient();
  const views = useQuery(viewsQuery);
  const [saving, setSaving] = useState(false);
  const [gone, setGone] = useState<View>();
  const items = views.data?.items ?? [];
  const again = () => client.invalidateQueries({ queryKey: viewsQuery.queryKey });
  return (
    <>
      <Menu position="bottom-end" width={300}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={13} />}>
            Views
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {views.error && <Menu.Label role="alert">{messageOf(views.error)}</Menu.Label>}
          {items.length === 0 && !views.error && (
            <Menu.Label>No saved views. Search for something worth keeping, then save it here.</Menu.Label>
          )}
          {items.map((v) => (
            <div key={v.id} className={classes.view}>
              <Menu.Item
                onClick={() => onOpen(v)}
                leftSection={v.shared ? <IconUsers size={13} aria-label="Shared" /> : <IconBookmark size={13} />}
                title={`${v.query || 'Everything'}${v.shared ? `, shared by ${v.owner}` : ''}`}
              >
                {v.name}
              </Menu.Item>
              {can('log.save') && (
                <ActionIcon variant="subtle" aria-label={`Remove the view ${v.name}`} onClick={() => setGone(v)}>
                  <IconTrash size={13} />
                </ActionIcon>
              )}
            </div>
          ))}
          {can('log.save') && (
            <>
              <Menu.Divider />
              <Menu.Item leftSection={<IconBookmarkPlus size={13} />} onClick={() => setSaving(true)}>
                Save this search…
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal opened={saving} onClose={() => setSaving(false)} title="Save this search" size={440}>
        <Save
          query={query}
          since={since}
          cols={cols}
          onDone={async (v) => {
            setSaving(false);
            if (!v) return;
            await again();
            done(`Saved the view ${v.name}.`);
          }}
        />
      </Modal>
      <ConfirmDialog
        opened={!!gone}
        onClose={() => setGone(undefined)}
        title={`Remove the view ${gone?.name ?? ''}?`}
        action="Remove"
        run={async () => {
          if (gone) await removeView(gone.id);
          await again();
        }}
      >
        {gone?.shared ? 'It is gone for everybody. The lines stay.' : 'Only the view is gone. The lines stay.'}
      </ConfirmDialog>
    </>
  );
}

function Save({
  query,
  since,
  cols,
  onDone,
}: {
  query: string;
  since: string;
  cols: string[];
  onDone: (v?: View) => void;
}) {
  const form = useForm({
    schema,
    initial: { name: '', shared: false },
    submit: (v) => addView({ ...v, query, since, fields: cols }),
    done: (v) => onDone(v),
  });
  return (
    <Form form={form} label="Save this search">
      <TextInput label="Name" withAsterisk data-autofocus {...form.field('name')} />
      <div>
        <span className="muted">Query</span>
        <pre className={classes.saved}>{query || 'Everything'}</pre>
      </div>
      <Checkbox label="Everybody may use it" {...form.check('shared')} />
      <FormActions action="Save" pending={form.pending} onCancel={() => onDone()} />
    </Form>
  );
}
