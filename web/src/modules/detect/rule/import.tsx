import { Button, FileButton, Textarea } from '@mantine/core';
import { IconFileImport } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { messageOf, Problem } from '@/api/problems';
import { PageBody, PageHead, Spacer } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { Pill } from '@/ui/StatusMark';
import { done } from '@/ui/toast';
import { ruleTo } from './model';
import { importRules } from './queries';

export const Route = createLazyRoute('/detect/rules/import')({ component: Page });

function Page() {
  const [text, setText] = useState('');
  const [file, setFile] = useState('');
  const client = useQueryClient();
  const navigate = useNavigate();
  const look = useMutation({ mutationFn: () => importRules(text, file, true) });
  const take = useMutation({
    mutationFn: () => importRules(text, file, false),
    onSuccess: async (r) => {
      done(`${r.items.length} rules were taken.`);
      await client.invalidateQueries({ queryKey: ['rules'] });
      await navigate({ to: '/detect/rules' as string });
    },
  });
  const read = (f: File | null) => {
    if (!f) return;
    setFile(f.name);
    look.reset();
    take.reset();
    void f.text().then(setText);
  };
  const error = take.error ?? look.error;
  return (
    <>
      <PageHead title="Import rules" parent={{ label: 'Rules', to: '/detect/rules' }}>
        <Spacer />
        <FileButton onChange={read} accept=".yml,.yaml,.rules,text/yaml">
          {(props) => (
            <Button variant="default" leftSection={<IconFileImport size={14} />} {...props}>
              Choose a file
            </Button>
          )}
        </FileButton>
      </PageHead>
      <PageBody width="form">
        <Textarea
          label="Rule file of Prometheus"
          description={
            file ? `From ${file}.` : 'Choose a file, or paste one here. It is taken as a whole or not at all.'
          }
          placeholder={'groups:\n- name: host\n  rules:\n  - alert: HostDown\n    expr: up == 0\n    for: 5m'}
          autosize
          minRows={10}
          maxRows={24}
          classNames={{ input: 'mono' }}
          value={text}
          onChange={(e) => {
            setText(e.currentTarget.value);
            look.reset();
            take.reset();
          }}
        />
        <div style={{ display: 'flex', gap: 8 }}>
          <Button variant="default" disabled={!text.trim()} loading={look.isPending} onClick={() => look.mutate()}>
            Check
          </Button>
          <Button disabled={!look.data} loading={take.isPending} onClick={() => take.mutate()}>
            Take {look.data ? look.data.items.length : ''} rules
          </Button>
        </div>
        {error && (
          <Panel title="It cannot be taken">
            <p role="alert" style={{ marginTop: 0 }}>
              {messageOf(error)}
            </p>
            {error instanceof Problem && error.fields.length > 0 && (
              <table className="plain">
                <thead>
                  <tr>
                    <th style={{ width: 60 }}>Line</th>
                    <th style={{ width: 200 }}>Rule</th>
                    <th>Mistake</th>
                  </tr>
                </thead>
                <tbody>
                  {error.fields.map((f) => (
                    <tr key={`${f.line}${f.path}${f.message}`}>
                      <td className="num">{f.line || ''}</td>
                      <td>{f.path}</td>
                      <td>{f.message}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Panel>
        )}
        {look.data && (
          <Panel title="What would be made" note={`${look.data.items.length} rules`} flush>
            <table className="plain">
              <tbody>
                {look.data.items.map((r) => (
                  <tr key={r.name}>
                    <td>{r.outcome === 'created' ? r.name : <Link to={ruleTo(r.name)}>{r.name}</Link>}</td>
                    <td style={{ width: 120 }}>
                      <Pill tone={r.outcome === 'unchanged' ? 'plain' : 'ok'}>
                        {{ created: 'new', updated: 'changed', unchanged: 'as before' }[r.outcome]}
                      </Pill>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Panel>
        )}
      </PageBody>
    </>
  );
}
