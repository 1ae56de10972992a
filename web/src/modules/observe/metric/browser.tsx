import { ActionIcon, Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArrowLeft, IconChevronDown, IconChevronRight, IconSearch, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { integer } from '@/lib/format';
import { useUrlState } from '@/lib/url';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { Tag } from '@/ui/StatusMark';
import classes from './metric.module.css';
import { byPrefix, startQuery } from './model';
import { type Metric, type MetricDetail, metricQuery, metricsQuery } from './queries';

const MOST = 2000;

/** For those who do not know the names: search by name and meaning, look at labels, take one over. */
export function Browser({ onUse, onClose }: { onUse: (query: string) => void; onClose: () => void }) {
  const [s, set] = useUrlState<{ metric?: string; find?: string }>();
  const [text, setText] = useState(s.find ?? '');
  const [q] = useDebouncedValue(text, 150);
  const list = useQuery(metricsQuery(q, MOST));
  const groups = useMemo(() => byPrefix(list.data?.items ?? []), [list.data]);
  const [open, setOpen] = useState<Record<string, boolean>>({});
  // A short answer is shown whole.
  const small = (list.data?.items.length ?? 0) <= 40 || q !== '';
  return (
    <aside className={classes.browser} aria-label="Metric browser">
      <div className={classes.browserHead}>
        {s.metric ? (
          <Button
            variant="subtle"
            leftSection={<IconArrowLeft size={13} />}
            onClick={() => set({ metric: undefined })}
            px={6}
          >
            All metrics
          </Button>
        ) : (
          <TextInput
            aria-label="Search metrics by name or meaning"
            placeholder="Name or meaning"
            leftSection={<IconSearch size={13} />}
            value={text}
            onChange={(e) => {
              setText(e.currentTarget.value);
              set({ find: e.currentTarget.value || undefined });
            }}
            style={{ flex: 1 }}
          />
        )}
        <ActionIcon variant="subtle" size={28} aria-label="Close the browser" onClick={onClose}>
          <IconX size={14} />
        </ActionIcon>
      </div>
      {s.metric ? (
        <One name={s.metric} onUse={onUse} />
      ) : (
        <div className={classes.browserBody}>
          <Loaded query={list} what="The metrics" rows={12} small>
            {(d) =>
              d.items.length === 0 ? (
                <EmptyState
                  small
                  title={q ? 'Nothing is called so' : 'No metrics yet'}
                  hint={q ? 'Try another word, or a part of it.' : 'Checks, agents and other senders bring them.'}
                />
              ) : (
                <>
                  {groups.map(([prefix, metrics]) => {
                    const shown = open[prefix] ?? small;
                    return (
                      <section key={prefix}>
                        <button
                          type="button"
                          className={classes.group}
                          aria-expanded={shown}
                          onClick={() => setOpen({ ...open, [prefix]: !shown })}
                        >
                          {shown ? <IconChevronDown size={12} /> : <IconChevronRight size={12} />}
                          <span className="mono">{prefix}</span>
                          <em className="num">{metrics.length}</em>
                        </button>
                        {shown && (
                          <ul>
                            {metrics.map((m) => (
                              <li key={m.name}>
                                <button type="button" onClick={() => set({ metric: m.name })} title={m.help}>
                                  <span className="mono">{m.name}</span>
                                  {m.help && <small>{m.help}</small>}
                                </button>
                              </li>
                            ))}
                          </ul>
                        )}
                      </section>
                    );
                  })}
                  {d.more && <p className={classes.note}>There are more. Search to find others.</p>}
                </>
              )
            }
          </Loaded>
        </div>
      )}
    </aside>
  );
}

function One({ name, onUse }: { name: string; onUse: (query: string) => void }) {
  const query = useQuery(metricQuery(name));
  return (
    <div className={classes.browserBody}>
      <h2 className="mono">{name}</h2>
      <Loaded query={query} what="The metric" rows={6} small>
        {(m) => <Facts metric={m} onUse={onUse} />}
      </Loaded>
    </div>
  );
}

function Facts({ metric: m, onUse }: { metric: MetricDetail; onUse: (query: string) => void }) {
  const start = startQuery(m as Metric);
  const with1 = (label: string, value: string) => start.replace(m.name, `${m.name}{${label}=${JSON.stringify(value)}}`);
  return (
    <>
      <p>{m.help || <span className="muted">Its sender does not say what it means.</span>}</p>
      <p className={classes.tags}>
        {m.type && <Tag>{m.type}</Tag>}
        {m.unit && <Tag>{m.unit}</Tag>}
        <span className="num">
          {m.more ? 'more than ' : ''}
          {integer(m.series)} {m.series === 1 ? 'series' : 'series'}
        </span>
      </p>
      <Button variant="default" onClick={() => onUse(start)} className={classes.use}>
        <span className="mono">{start}</span>
      </Button>
      {m.labels.length > 0 && <h3>Labels</h3>}
      {m.labels.map((l) => (
        <div key={l.name} className={classes.label}>
          <div>
            <span className="mono">{l.name}</span>
            <em className="num">
              {integer(l.values)} {l.values === 1 ? 'value' : 'values'}
            </em>
          </div>
          <p>
            {l.examples.map((v) => (
              <button
                type="button"
                key={v}
                className="mono"
                title={`Show ${l.name} = ${v}`}
                onClick={() => onUse(with1(l.name, v))}
              >
                {v || '(empty)'}
              </button>
            ))}
            {l.values > 1 && (
              <button
                type="button"
                data-sum
                title={`One line for each ${l.name}`}
                onClick={() => onUse(`sum by (${l.name}) (${start})`)}
              >
                sum by
              </button>
            )}
          </p>
        </div>
      ))}
    </>
  );
}
