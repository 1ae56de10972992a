import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createLazyRoute, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { Problem } from '@/api/problems';
import { isTyping } from '@/lib/chords';
import { useCan } from '@/lib/permissions';
import { useLiveQuery } from '@/lib/stream';
import { Loaded } from '@/ui/Loading';
import { Markdown } from '@/ui/Markdown';
import { DetailLayout, PageHead } from '@/ui/PageHead';
import { Panel } from '@/ui/Panel';
import { done, failed } from '@/ui/toast';
import { VERB, type Verb } from './model';
import { Affected, Alerts } from './parts/affected';
import { Files, Told } from './parts/files';
import { Hero } from './parts/hero';
import { Moments } from './parts/moments';
import { ResolveDialog } from './parts/resolve';
import { Side } from './parts/side';
import { Timeline } from './parts/timeline';
import { incidentQuery, type Patch, patchIncident, type Resolution, step, toldQuery } from './queries';

export const Route = createLazyRoute('/respond/incidents/$number')({ component: Page });

function Page() {
  const { number = '' } = useParams({ strict: false }) as { number?: string };
  const client = useQueryClient();
  const query = useQuery(incidentQuery(number));
  const may = useCan()('incident.write');
  const [busy, setBusy] = useState<Verb>();
  const [resolving, setResolving] = useState(false);
  useLiveQuery('incidents', ['incident', number], number);
  useLiveQuery('notifications', toldQuery(number).queryKey);

  const reread = () => client.invalidateQueries({ queryKey: ['incident', number] });
  const run = async (v: Verb, r?: Resolution) => {
    await step(number, v, r);
    await reread();
    void client.invalidateQueries({ queryKey: ['incidents-new'] });
    done(`${number} ${VERB[v].done}.`);
  };
  const onStep = async (v: Verb) => {
    if (v === 'resolve') {
      setResolving(true);
      return;
    }
    setBusy(v);
    try {
      await run(v);
    } catch (e) {
      failed(`${VERB[v].doing} ${number}`, e);
      await reread();
    } finally {
      setBusy(undefined);
    }
  };
  const onPatch = async (p: Patch): Promise<boolean> => {
    try {
      await patchIncident(number, query.data?.etag ?? '', p);
      await reread();
      return true;
    } catch (e) {
      failed(`Changing ${number}`, e);
      // Somebody else was faster: show what is there now.
      if (e instanceof Problem && (e.status === 409 || e.status === 412)) await reread();
      return false;
    }
  };

  const state = query.data?.data.state;
  useEffect(() => {
    const on = (e: KeyboardEvent) => {
      if (e.key !== 'a' || e.ctrlKey || e.metaKey || e.altKey || isTyping(e) || !may || state !== 'new') return;
      e.preventDefault();
      void onStep('acknowledge');
    };
    window.addEventListener('keydown', on);
    return () => window.removeEventListener('keydown', on);
  });
  const title = query.data?.data.title;
  useEffect(() => {
    if (title) document.title = `${number} ${title} · Mainstay`;
  }, [number, title]);

  return (
    <>
      <PageHead title={number} parent={{ label: 'Incidents', to: '/respond/incidents' }} />
      <Loaded query={query} what={`Incident ${number}`} rows={12}>
        {({ data: i }) => (
          <DetailLayout label={`Incident ${number}`} side={<Side incident={i} onPatch={onPatch} />}>
            <Hero incident={i} busy={busy} onStep={(v) => void onStep(v)} onPatch={onPatch} />
            {i.description_html && (
              <Panel title="Description">
                <Markdown html={i.description_html} />
              </Panel>
            )}
            <Affected incident={i} />
            <Alerts incident={i} />
            <Timeline number={number} />
            <Moments incident={i} />
            <Told number={number} escalation={i.escalation} />
            <Files number={number} />
          </DetailLayout>
        )}
      </Loaded>
      <ResolveDialog
        number={number}
        opened={resolving}
        onClose={() => setResolving(false)}
        run={(r) => run('resolve', r)}
      />
    </>
  );
}
