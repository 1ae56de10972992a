import { Button, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useCan } from '@/lib/permissions';
import { Loaded } from '@/ui/Loading';
import { Markdown } from '@/ui/Markdown';
import { Panel } from '@/ui/Panel';
import { type TimelineEntry, TimelineList } from '@/ui/TimelineList';
import { failed } from '@/ui/toast';
import classes from '../incident.module.css';
import { actorOf, type Entry, looks } from '../model';
import { comment, timelineQuery } from '../queries';

function toEntry(e: Entry): TimelineEntry {
  const base = { id: e.id, at: e.at, actor: actorOf(e), ...looks(e) };
  if (e.kind === 'comment') return { ...base, text: 'commented', body: <Markdown html={e.html ?? ''} /> };
  return { ...base, text: e.body };
}

/** What happened, the newest first, with a box to write a comment. */
export function Timeline({ number }: { number: string }) {
  const q = useQuery(timelineQuery(number));
  const may = useCan()('incident.write');
  return (
    <Panel title="Timeline" note="The newest first">
      {may && <Composer number={number} />}
      <Loaded query={q} what="The timeline" small>
        {(d) => <Entries entries={d.entries} cut={d.cut} />}
      </Loaded>
    </Panel>
  );
}

function Entries({ entries, cut }: { entries: Entry[]; cut: boolean }) {
  const list = useMemo(() => entries.map(toEntry).reverse(), [entries]);
  return (
    <>
      {cut && <p className="muted">Only the first 5,000 entries are shown.</p>}
      <TimelineList entries={list} label="Timeline" />
    </>
  );
}

function Composer({ number }: { number: string }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const send = async () => {
    const body = text.trim();
    if (!body || busy) return;
    setBusy(true);
    try {
      await comment(number, body);
      setText('');
      await client.invalidateQueries({ queryKey: timelineQuery(number).queryKey });
    } catch (e) {
      failed('Commenting', e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className={classes.composer}
      onSubmit={(e) => {
        e.preventDefault();
        void send();
      }}
    >
      <Textarea
        aria-label="Comment"
        placeholder="What did you see, what did you do?"
        autosize
        minRows={2}
        maxRows={16}
        maxLength={65536}
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
            e.preventDefault();
            void send();
          }
        }}
      />
      <div>
        <span>Markdown. Ctrl Enter sends.</span>
        <Button type="submit" variant="default" loading={busy} disabled={!text.trim()}>
          Comment
        </Button>
      </div>
    </form>
  );
}
