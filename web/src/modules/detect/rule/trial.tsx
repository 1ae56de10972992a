import { Button, Select } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { messageOf, Problem } from '@/api/problems';
import { duration, number } from '@/lib/format';
import { resolveRange } from '@/lib/range';
import { Panel, Stat, Stats } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { RuleGraph } from './graph';
import { firingSpans, labelText } from './model';
import { type RuleBody, type Trial, tryRule } from './queries';

const LENGTHS = [
  { value: '-24h', label: 'Last 24 hours' },
  { value: '-7d', label: 'Last 7 days' },
  { value: '-14d', label: 'Last 14 days' },
];

/** Asks the stored past: when would this rule have fired, and of what would it have told? */
export function TryPanel({ rule }: { rule: () => RuleBody }) {
  const [length, setLength] = useState('-24h');
  const run = useMutation({
    mutationFn: () => {
      const r = resolveRange({ from: length }, Date.now());
      const body = rule();
      return tryRule(body, r.from, r.to, Intl.DateTimeFormat().resolvedOptions().timeZone).then((t) => ({
        trial: t,
        expr: body.expr ?? '',
      }));
    },
  });
  return (
    <Panel
      title="Try on the past"
      note="Nothing is saved."
      tools={
        <div style={{ display: 'flex', gap: 6 }}>
          <Select
            aria-label="Length of the past"
            data={LENGTHS}
            value={length}
            allowDeselect={false}
            w={140}
            onChange={(v) => setLength(v ?? '-24h')}
          />
          <Button
            variant="default"
            leftSection={<IconHistory size={14} />}
            loading={run.isPending}
            onClick={() => run.mutate()}
          >
            Try
          </Button>
        </div>
      }
    >
      {run.isError ? (
        <p role="alert">{problemText(run.error)}</p>
      ) : run.data ? (
        <Outcome trial={run.data.trial} expr={run.data.expr} />
      ) : (
        <p className="muted">
          See when this rule would have fired, how often at night, and which incidents it would have told.
        </p>
      )}
    </Panel>
  );
}

function problemText(e: unknown): string {
  if (e instanceof Problem && e.fields.length)
    return e.fields.map((f) => `${f.path.replace(/^(body\.)?(rule\.)?/, '')} ${f.message}`).join('. ');
  return messageOf(e);
}

function Outcome({ trial: t, expr }: { trial: Trial; expr: string }) {
  const from = Date.parse(t.from) / 1000;
  const to = Date.parse(t.to) / 1000;
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 12 }}>
      <Stats>
        <Stat label="Would have fired" value={`${t.fired} ${t.fired === 1 ? 'time' : 'times'}`} note={perWeek(t)} />
        <Stat label="At night" value={t.at_night} note="between 22:00 and 06:00" />
        <Stat label="Firing for" value={t.fired ? duration(t.firing_seconds) : '–'} note={most(t)} />
        <Stat label="Only pending" value={t.pending_only} note="did not last" />
      </Stats>
      {expr && <RuleGraph name="What would have been" expr={expr} from={from} to={to} spans={firingSpans(t, to)} />}
      {t.warnings.map((w) => (
        <p key={w} className="muted">
          {w}
        </p>
      ))}
      {(t.caught.length > 0 || t.missed.length > 0) && (
        <div>
          <h3 style={{ margin: '0 0 4px', fontSize: 13 }}>Incidents of this time</h3>
          <table className="plain">
            <thead>
              <tr>
                <th style={{ width: 90 }}>Incident</th>
                <th>Title</th>
                <th style={{ width: 260 }}>This rule</th>
              </tr>
            </thead>
            <tbody>
              {[...t.caught, ...t.missed].map((i) => (
                <tr key={i.number}>
                  <td>
                    <Link to={`/respond/incidents/${i.number}` as string}>{i.number}</Link>
                  </td>
                  <td>{i.title}</td>
                  <td>{i.after_seconds === undefined ? 'would not have told of it' : lead(i.after_seconds)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {t.episodes.length > 0 && (
        <details>
          <summary>Each time that it would have fired ({t.episodes.length})</summary>
          <table className="plain">
            <thead>
              <tr>
                <th style={{ width: 170 }}>Fired</th>
                <th style={{ width: 110 }}>For</th>
                <th style={{ width: 110 }}>Value</th>
                <th>Instance</th>
              </tr>
            </thead>
            <tbody>
              {t.episodes.slice(0, 200).map((e) => (
                <tr key={`${e.fired_at}${labelText(e.labels)}`}>
                  <td>
                    <Time at={e.fired_at} mode="absolute" />
                  </td>
                  <td>{e.ended_at ? duration((Date.parse(e.ended_at) - Date.parse(e.fired_at)) / 1000) : 'goes on'}</td>
                  <td className="num">{e.no_data ? 'no data' : number(e.value)}</td>
                  <td className="mono">{labelText(e.labels)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}

const perWeek = (t: Trial) => (t.fired ? `${number(t.per_week)} a week` : 'never in this time');
const most = (t: Trial) => (t.most_at_once > 1 ? `up to ${t.most_at_once} instances at once` : undefined);

function lead(seconds: number): string {
  if (seconds < 0) return `would have warned ${duration(-seconds)} before`;
  return `would have fired ${duration(seconds)} after it began`;
}
