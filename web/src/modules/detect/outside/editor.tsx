import { Button, TagsInput, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { z } from 'zod/mini';
import { ErrorState } from '@/ui/ErrorState';
import { FieldGroup, Form, FormActions, Row, useForm } from '@/ui/form';
import { Panel } from '@/ui/Panel';
import { labelsOf, labelsText, SAMPLE, tidy } from './model';
import classes from './outside.module.css';
import { type Mapping, putMapping, tryPayload } from './queries';
import { Outcome } from './tried';

const text = z.string();
const schema = z.object({
  name: z.string().check(z.regex(/^[^/?# ]{1,64}$/, 'A word without / ? # and spaces; it is part of the address.')),
  each: text,
  key: z.string().check(z.minLength(1, 'Say what tells one alert from another, such as {{id}}.')),
  title: z.string().check(z.minLength(1, 'Give a title, such as {{name}} failed.')),
  text,
  severity: text,
  state: text,
  over: z.array(text),
  host: text,
  item: text,
  service: text,
  began: text,
  link: text,
  labels: text,
  end_after: text,
});
type Values = z.infer<typeof schema>;

const bodyOf = ({ name: _, labels, ...rest }: Values): Mapping => {
  const l = labelsOf(labels);
  return tidy({ ...rest, labels: Object.keys(l).length ? l : undefined });
};

/** Writes a mapping and tries it on a payload. */
export function Editor({
  start,
  address,
  onDone,
}: {
  start: Mapping;
  address: string;
  onDone: (saved?: string) => void;
}) {
  const [payload, setPayload] = useState(start.name ? '' : SAMPLE);
  const form = useForm({
    schema,
    initial: {
      name: start.name ?? '',
      each: start.each ?? '',
      key: start.key,
      title: start.title,
      text: start.text ?? '',
      severity: start.severity ?? '',
      state: start.state ?? '',
      over: start.over ?? [],
      host: start.host ?? '',
      item: start.item ?? '',
      service: start.service ?? '',
      began: start.began ?? '',
      link: start.link ?? '',
      labels: labelsText(start.labels),
      end_after: start.end_after ?? '',
    },
    submit: (v) => putMapping(v.name, bodyOf(v)),
    done: (_, v) => onDone(v?.name ?? 'the mapping'),
  });
  const run = useMutation({
    mutationFn: () => tryPayload({ mapping: bodyOf(form.mantine.getValues() as Values), payload }),
  });
  const mono = { input: 'mono' };
  return (
    <div className={classes.editor}>
      <Panel title={start.name ? `Change ${start.name}` : 'A new mapping'} note={`Programs post to ${address}NAME.`}>
        <Form form={form} label="Mapping">
          <Row>
            <TextInput label="Name" withAsterisk disabled={!!start.name} data-autofocus {...form.field('name')} />
            <TextInput
              label="List of alerts"
              description="Empty: one payload is one alert."
              placeholder="alerts"
              classNames={mono}
              {...form.field('each')}
            />
          </Row>
          <FieldGroup title="What it is" hint="{{path}} takes a value of the payload, {{a|b}} the first that there is.">
            <TextInput
              label="Key"
              description="The same from the beginning to the end of an alert."
              withAsterisk
              classNames={mono}
              {...form.field('key')}
            />
            <TextInput label="Title" withAsterisk classNames={mono} {...form.field('title')} />
            <TextInput label="Text" classNames={mono} {...form.field('text')} />
            <Row>
              <TextInput label="Severity" placeholder="critical" classNames={mono} {...form.field('severity')} />
              <TextInput label="Began" placeholder="{{time}}" classNames={mono} {...form.field('began')} />
            </Row>
            <TextInput label="Link" placeholder="{{url}}" classNames={mono} {...form.field('link')} />
          </FieldGroup>
          <FieldGroup title="When it is over">
            <Row>
              <TextInput label="State" placeholder="{{status}}" classNames={mono} {...form.field('state')} />
              <TagsInput label="States that end it" {...form.field('over')} />
            </Row>
            <TextInput
              label="Ends when not repeated for"
              description="For programs that never say that it is over."
              placeholder="1h"
              {...form.field('end_after')}
            />
          </FieldGroup>
          <FieldGroup title="Where it belongs">
            <Row>
              <TextInput label="Host" placeholder="{{host}}" classNames={mono} {...form.field('host')} />
              <TextInput label="Item" classNames={mono} {...form.field('item')} />
              <TextInput label="Service" classNames={mono} {...form.field('service')} />
            </Row>
            <Textarea
              label="Labels"
              description="One in a line: env={{environment}}"
              autosize
              minRows={2}
              classNames={mono}
              {...form.field('labels')}
            />
          </FieldGroup>
          <FormActions action="Save" pending={form.pending} onCancel={() => onDone()} />
        </Form>
      </Panel>
      <Panel title="Try it" note="Nothing is kept.">
        <div className={classes.try}>
          <Textarea
            label="A payload"
            value={payload}
            onChange={(e) => setPayload(e.currentTarget.value)}
            autosize
            minRows={8}
            maxRows={24}
            spellCheck={false}
            classNames={mono}
          />
          <Button variant="default" onClick={() => run.mutate()} loading={run.isPending} disabled={!payload.trim()}>
            Try
          </Button>
          {run.isError && <ErrorState what="The payload" error={run.error} small />}
          {run.data && <Outcome tried={run.data} />}
        </div>
      </Panel>
    </div>
  );
}
