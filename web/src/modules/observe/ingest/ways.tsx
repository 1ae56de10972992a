import { Button, Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { bytes, integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { CopyButton } from '@/ui/CopyButton';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import classes from './ingest.module.css';
import { type Row, tokenless, waysOf } from './model';
import { type Overview, overviewQuery, type Settings, settingsQuery } from './queries';

const AllowedForm = lazy(() => import('./limits').then((m) => ({ default: m.AllowedForm })));
const LimitsForm = lazy(() => import('./limits').then((m) => ({ default: m.LimitsForm })));

export function WaysTab() {
  const overview = useQuery(overviewQuery);
  const settings = useQuery(settingsQuery);
  return (
    <PageBody label="Ways in and limits">
      <Loaded query={overview} what="The ways in">
        {(o) => (
          <>
            <Panel title="Ways in" note={`Paths stand behind ${o.url}.`} flush>
              <Ways rows={waysOf(o)} />
            </Panel>
            <Loaded query={settings} what="The settings">
              {(s) => (
                <>
                  <Allowed overview={o} settings={s} />
                  <Limits settings={s} />
                </>
              )}
            </Loaded>
          </>
        )}
      </Loaded>
    </PageBody>
  );
}

function Where({ row: r }: { row: Row }) {
  if (r.problem)
    return (
      <span>
        <Pill tone="down">closed</Pill> {r.problem}
      </span>
    );
  if (r.path) {
    const full = `${r.address}${r.path}`;
    return (
      <span className={classes.where}>
        <code title={full}>{r.path}</code> <CopyButton value={full} label={`Copy the address of ${r.title}`} />
      </span>
    );
  }
  if (!r.address)
    return (
      <span className="muted">
        off; set listen.{r.port}, usually port {r.usual}
      </span>
    );
  return <code>{r.address}</code>;
}

function Ways({ rows }: { rows: Row[] }) {
  return (
    <div className={classes.scroll}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Protocol</th>
            <th scope="col">Over</th>
            <th scope="col">Address</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={`${r.protocol} ${r.port} ${r.network}`}>
              <th scope="row">{r.title}</th>
              <td>{r.network.toUpperCase()}</td>
              <td>
                <Where row={r} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Allowed({ overview, settings }: { overview: Overview; settings: Settings }) {
  const may = useCan()('source.write');
  const [open, setOpen] = useState<string>();
  const list = tokenless(overview);
  if (!list.length) return null;
  const shown = list.find((p) => p.name === open);
  return (
    <Panel title="Allowed addresses" note="Protocols that know no tokens take signals from these alone." flush>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <tbody>
            {list.map((p) => (
              <tr key={p.name}>
                <th scope="row">{p.title}</th>
                <td>
                  {settings.allowed[p.name]?.length ? (
                    <code>{settings.allowed[p.name]?.join(', ')}</code>
                  ) : (
                    <span className="muted">this machine only</span>
                  )}
                </td>
                <td className={classes.last}>
                  {may && (
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Change the addresses of ${p.title}`}
                      onClick={() => setOpen(p.name)}
                    >
                      Change
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Modal
        opened={!!shown}
        onClose={() => setOpen(undefined)}
        title={`Who may send by ${shown?.title ?? ''}`}
        size={460}
      >
        <Suspense>
          {shown && <AllowedForm protocol={shown.name} settings={settings} onClose={() => setOpen(undefined)} />}
        </Suspense>
      </Modal>
    </Panel>
  );
}

const count = (n: number, unit: string) => (n ? `${integer(n)} ${unit}` : 'no limit');

function Limits({ settings }: { settings: Settings }) {
  const may = useCan()('source.write');
  const [open, setOpen] = useState(false);
  const l = settings.limits;
  return (
    <Panel
      title="Limits of each sender"
      tools={
        may && (
          <Button size="compact-xs" variant="default" onClick={() => setOpen(true)}>
            Change limits
          </Button>
        )
      }
    >
      <KeyValue
        rows={[
          ['Metrics', count(l.samples_per_second, 'samples per second')],
          ['Logs', count(l.lines_per_second, 'lines per second')],
          ['Traces', count(l.spans_per_second, 'spans per second')],
          ['Flows', count(l.flows_per_second ?? 0, 'records per second')],
          ['Alerts', count(l.alerts_per_second ?? 0, 'per second')],
          ['Bytes', l.bytes_per_second ? `${bytes(l.bytes_per_second)} per second` : 'no limit'],
          ['Series', count(l.series_per_source, 'active series')],
        ]}
      />
      <Modal opened={open} onClose={() => setOpen(false)} title="Limits of each sender" size={460}>
        <Suspense>{open && <LimitsForm settings={settings} onClose={() => setOpen(false)} />}</Suspense>
      </Modal>
    </Panel>
  );
}
