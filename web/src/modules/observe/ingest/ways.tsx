import { Button, Modal, NumberInput, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { bytes, integer } from '@/lib/format';
import { useCan } from '@/lib/permissions';
import { CopyButton } from '@/ui/CopyButton';
import { Form, FormActions, useForm } from '@/ui/form';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import classes from './ingest.module.css';
import { prefixesOf, type Row, tokenless, waysOf, withAllowed } from './model';
import { type Overview, overviewQuery, type Settings, saveSettings, settingsQuery } from './queries';

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
        {shown && <AllowedForm protocol={shown.name} settings={settings} onClose={() => setOpen(undefined)} />}
      </Modal>
    </Panel>
  );
}

const allowedSchema = z.object({ prefixes: z.string() });

function AllowedForm({ protocol, settings, onClose }: { protocol: string; settings: Settings; onClose: () => void }) {
  const client = useQueryClient();
  const form = useForm({
    schema: allowedSchema,
    initial: { prefixes: (settings.allowed[protocol] ?? []).join('\n') },
    submit: (v) => saveSettings(withAllowed(settings, protocol, prefixesOf(v.prefixes))),
    done: (s) => {
      client.setQueryData(settingsQuery.queryKey, s);
      done('The addresses are changed.');
      onClose();
    },
    mapField: (f) => (f.startsWith('allowed.') ? 'prefixes' : f),
  });
  return (
    <Form form={form} label="Allowed addresses">
      <Textarea
        label="Addresses and prefixes"
        description="One on each line. Left empty, only this machine may send."
        placeholder={'10.0.0.0/8\n192.0.2.17'}
        autosize
        minRows={4}
        data-autofocus
        {...form.field('prefixes')}
      />
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
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
          ['Bytes', l.bytes_per_second ? `${bytes(l.bytes_per_second)} per second` : 'no limit'],
          ['Series', count(l.series_per_source, 'active series')],
        ]}
      />
      <Modal opened={open} onClose={() => setOpen(false)} title="Limits of each sender" size={460}>
        {open && <LimitsForm settings={settings} onClose={() => setOpen(false)} />}
      </Modal>
    </Panel>
  );
}

const whole = z.number('Give a number; 0 is no limit.').check(z.minimum(0, 'Give 0 for no limit, or more.'));
const limitsSchema = z.object({ samples: whole, lines: whole, spans: whole, mib: whole, series: whole });
const MIB = 1 << 20;

function LimitsForm({ settings, onClose }: { settings: Settings; onClose: () => void }) {
  const client = useQueryClient();
  const l = settings.limits;
  const form = useForm({
    schema: limitsSchema,
    initial: {
      samples: l.samples_per_second,
      lines: l.lines_per_second,
      spans: l.spans_per_second,
      mib: Math.round(l.bytes_per_second / MIB),
      series: l.series_per_source,
    },
    submit: (v) =>
      saveSettings({
        ...settings,
        limits: {
          samples_per_second: v.samples,
          lines_per_second: v.lines,
          spans_per_second: v.spans,
          bytes_per_second: v.mib * MIB,
          series_per_source: v.series,
        },
      }),
    done: (s) => {
      client.setQueryData(settingsQuery.queryKey, s);
      done('The limits are changed.');
      onClose();
    },
  });
  const props = { min: 0, allowDecimal: false, thousandSeparator: ',', hideControls: true } as const;
  return (
    <Form form={form} label="Limits">
      <p className={classes.lead}>0 is no limit. A sender that is over a limit is told to wait, or loses the rest.</p>
      <NumberInput label="Samples per second" {...props} {...form.field('samples')} />
      <NumberInput label="Log lines per second" {...props} {...form.field('lines')} />
      <NumberInput label="Spans per second" {...props} {...form.field('spans')} />
      <NumberInput label="MiB per second" {...props} {...form.field('mib')} />
      <NumberInput label="Active series" {...props} {...form.field('series')} />
      <FormActions action="Save" pending={form.pending} onCancel={onClose} />
    </Form>
  );
}
