import { Button, Menu, Modal, Textarea } from '@mantine/core';
import { IconBookmark } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { messageOf } from '@/api/problems';
import { Can } from '@/lib/permissions';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import { MARKS, parts, STATES } from './model';
import classes from './pattern.module.css';
import { type MarkName, markPattern, type Pattern } from './queries';

/** The text of a template; what varies is set apart. */
export function Template({ text, wrap }: { text: string; wrap?: boolean }) {
  return (
    <span className={classes.template} data-wrap={wrap || undefined} title={wrap ? undefined : text}>
      {parts(text).map((p, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place
        <span key={i} data-value={p.value || undefined}>
          {p.text}
        </span>
      ))}
    </span>
  );
}

/** The state as color and word. */
export function StateMark({ state }: { state: string }) {
  const s = STATES[state] ?? { label: state, tone: 'plain' as const, hint: '' };
  if (s.tone === 'plain')
    return (
      <span className="muted" title={s.hint}>
        {s.label}
      </span>
    );
  return (
    <span title={s.hint}>
      <Pill tone={s.tone}>{s.label}</Pill>
    </span>
  );
}

const CHOICES: [MarkName, string][] = [
  ['known', 'Known: it is not new'],
  ['notable', 'Notable: keep it on top'],
  ['muted', 'Muted: no signals of it'],
];

/** Says what a person thinks of a pattern, with a comment. */
export function MarkMenu({ pattern }: { pattern: Pattern }) {
  const client = useQueryClient();
  const [asked, setAsked] = useState<MarkName>();
  const [comment, setComment] = useState('');
  const [error, setError] = useState('');
  const save = async (mark: MarkName, text: string) => {
    try {
      await markPattern(pattern.id, mark, text);
    } catch (e) {
      setError(messageOf(e));
      return;
    }
    setAsked(undefined);
    done(mark ? `Marked as ${MARKS[mark]?.toLowerCase()}.` : 'Took the mark back.');
    await Promise.all([
      client.invalidateQueries({ queryKey: ['patterns'] }),
      client.invalidateQueries({ queryKey: ['pattern', pattern.id] }),
      client.invalidateQueries({ queryKey: ['pattern-signals'] }),
    ]);
  };
  return (
    <Can permission="pattern.mark">
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={13} />}>
            {pattern.mark ? MARKS[pattern.mark.mark] : 'Mark'}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {CHOICES.map(([m, label]) => (
            <Menu.Item
              key={m}
              onClick={() => {
                setComment(pattern.mark?.comment ?? '');
                setError('');
                setAsked(m);
              }}
            >
              {label}
            </Menu.Item>
          ))}
          {pattern.mark && <Menu.Item onClick={() => void save('', '')}>Take the mark back</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={!!asked}
        onClose={() => setAsked(undefined)}
        title={`Mark as ${MARKS[asked ?? '']?.toLowerCase() ?? ''}`}
        size={440}
      >
        <Textarea
          label="Comment"
          description="Why, for those who come after."
          autosize
          minRows={2}
          maxLength={1000}
          data-autofocus
          value={comment}
          error={error}
          onChange={(e) => setComment(e.currentTarget.value)}
        />
        <div className={classes.actions}>
          <Button variant="default" onClick={() => setAsked(undefined)}>
            Cancel
          </Button>
          <Button onClick={() => asked && void save(asked, comment)}>Mark</Button>
        </div>
      </Modal>
    </Can>
  );
}
