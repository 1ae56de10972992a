import { Button, FileButton } from '@mantine/core';
import { IconPaperclip } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { bytes } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { Time } from '@/ui/Time';
import { failed } from '@/ui/toast';
import classes from '../incident.module.css';
import { attach, attachmentsQuery, fileURL, MAX_FILE, toldQuery } from '../queries';

/** Files that belong to the incident. */
export function Files({ number }: { number: string }) {
  const q = useQuery(attachmentsQuery(number));
  const may = useCan()('incident.write');
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const send = async (file: File | null) => {
    if (!file) return;
    if (file.size > MAX_FILE) {
      failed(
        `Attaching ${file.name}`,
        new Error(`The file has ${bytes(file.size)}; at most ${bytes(MAX_FILE)} can be attached.`),
      );
      return;
    }
    setBusy(true);
    try {
      await attach(number, file);
      await client.invalidateQueries({ queryKey: ['incident', number] });
    } catch (e) {
      failed(`Attaching ${file.name}`, e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel
      title="Files"
      flush
      tools={
        may && (
          <FileButton onChange={(f) => void send(f)} inputProps={{ 'aria-label': 'File to attach' }}>
            {(p) => (
              <Button {...p} variant="subtle" loading={busy} leftSection={<IconPaperclip size={13} />}>
                Attach a file
              </Button>
            )}
          </FileButton>
        )
      }
    >
      <Loaded query={q} what="The files" rows={1} small>
        {(d) =>
          d.items?.length ? (
            <ul className={classes.list}>
              {d.items.map((a) => (
                <li key={a.id}>
                  <span className={classes.line}>
                    <a href={fileURL(number, a.id)} download={a.name}>
                      {a.name}
                    </a>
                    <span className="muted num">{bytes(a.size)}</span>
                  </span>
                  <Time at={a.created_at} />
                  <small>by {a.created_by}</small>
                </li>
              ))}
            </ul>
          ) : (
            <EmptyState small title="No file" hint="Screenshots and logs of up to 25 MiB can be attached." />
          )
        }
      </Loaded>
    </Panel>
  );
}

/** Who was told of the incident, by what, and whether it arrived. */
export function Told({ number, escalation }: { number: string; escalation?: string }) {
  const q = useQuery(toldQuery(number));
  return (
    <Panel title="Who was told" flush>
      <Loaded query={q} what="The notifications" rows={2} small>
        {(d) =>
          d.items?.length ? (
            <ul className={classes.list}>
              {d.items.map((n) => (
                <li key={n.id}>
                  <span className={classes.line}>
                    <b style={{ fontWeight: 500, color: 'var(--tx-0)' }}>{n.to || n.channel}</b>
                    <span className="muted">
                      {n.channel} · {n.reason}
                    </span>
                    <Pill state={n.state} />
                  </span>
                  <Time at={n.sent_at ?? n.created_at} />
                  {n.state !== 'sent' && n.last_error && <small>{n.last_error}</small>}
                </li>
              ))}
            </ul>
          ) : (
            <EmptyState
              small
              title="Nobody was told"
              hint={
                escalation
                  ? 'The first message of the escalation has not been due yet.'
                  : 'No escalation fits this incident. A policy can name one.'
              }
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
