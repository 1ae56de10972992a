import { Alert, Button, Select, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { CopyButton } from '@/ui/CopyButton';
import { Loaded } from '@/ui/Loading';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import { share, sharesQuery, unshare } from './queries';

const ENDS = [
  { value: '1', label: 'one day' },
  { value: '7', label: 'a week' },
  { value: '30', label: '30 days' },
  { value: '365', label: 'a year' },
  { value: '0', label: 'ever, until it is ended' },
];

/** Links that show the dashboard to people who are not signed in. */
export function Sharing({ name }: { name: string }) {
  const client = useQueryClient();
  const query = useQuery(sharesQuery(name));
  const [note, setNote] = useState('');
  const [days, setDays] = useState('30');
  const [made, setMade] = useState<string>();
  const [busy, setBusy] = useState(false);
  const again = () => client.invalidateQueries({ queryKey: sharesQuery(name).queryKey });
  const make = async () => {
    setBusy(true);
    try {
      const r = await share(
        name,
        note,
        days === '0' ? undefined : new Date(Date.now() + Number(days) * 86_400_000).toISOString(),
      );
      setMade(`${window.location.origin}/shared/${r.token}`);
      setNote('');
      await again();
    } catch (e) {
      failed('The link', e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 12 }}>
      <p className="muted" style={{ margin: 0 }}>
        Whoever has the link sees this dashboard without signing in, and nothing else. It shows all that the panels ask
        for, also what people of one team only may see.
      </p>
      {made && (
        <Alert title="Copy the link now, it is shown only once" color="blue">
          <span style={{ display: 'flex', gap: 8, alignItems: 'center' }}>
            <code style={{ overflowWrap: 'anywhere', flex: 1 }}>{made}</code>
            <CopyButton value={made} label="Copy the link" />
          </span>
        </Alert>
      )}
      <form
        style={{ display: 'flex', gap: 8, alignItems: 'flex-end', flexWrap: 'wrap' }}
        onSubmit={(e) => {
          e.preventDefault();
          void make();
        }}
      >
        <TextInput
          style={{ flex: 1 }}
          label="What it is for"
          placeholder="Screen in the hall"
          value={note}
          maxLength={200}
          onChange={(e) => setNote(e.currentTarget.value)}
        />
        <Select
          label="Works for"
          allowDeselect={false}
          data={ENDS}
          value={days}
          onChange={(d) => setDays(d ?? '30')}
          w={190}
        />
        <Button type="submit" loading={busy}>
          Make a link
        </Button>
      </form>
      <Loaded query={query} what="The links" small rows={2}>
        {(list) =>
          list.items.length ? (
            <table className="plain">
              <thead>
                <tr>
                  <th>For</th>
                  <th>Made by</th>
                  <th>Ends</th>
                  <th>Used</th>
                  <td />
                </tr>
              </thead>
              <tbody>
                {list.items.map((l) => (
                  <tr key={l.id}>
                    <td>{l.note || <span className="muted">–</span>}</td>
                    <td>{l.created_by}</td>
                    <td>{l.expires_at ? <Time at={l.expires_at} /> : 'never'}</td>
                    <td>{l.last_used_at ? <Time at={l.last_used_at} /> : <span className="muted">not yet</span>}</td>
                    <td style={{ textAlign: 'right' }}>
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() =>
                          unshare(name, l.id).then(
                            () => {
                              void again();
                              done('The link works no more.');
                            },
                            (e) => failed('The link', e),
                          )
                        }
                      >
                        End
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <span className="muted">There is no link yet.</span>
          )
        }
      </Loaded>
    </div>
  );
}
