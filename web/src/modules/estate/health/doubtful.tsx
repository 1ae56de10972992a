import { Button } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { ConfirmDialog } from '@/ui/ConfirmDialog';
import { EmptyState } from '@/ui/EmptyState';
import { Loaded } from '@/ui/Loading';
import { PageBody } from '@/ui/PageHead';
import { KeyValue, Panel } from '@/ui/Panel';
import { Time } from '@/ui/Time';
import { done, failed } from '@/ui/toast';
import classes from './health.module.css';
import { kindTitle } from './model';
import { decide, type Match, useMatches } from './queries';

/** Pairs of items that may be one thing, for a person to decide on. */
export function Doubtful() {
  const matches = useMatches();
  return (
    <PageBody label="Doubtful matches">
      <Loaded query={matches} what="The doubtful matches" rows={6}>
        {(d) =>
          d.items.length === 0 ? (
            <EmptyState
              icon={IconCircleCheck}
              title="No doubtful matches"
              hint="When the keys of an observation disagree, the pair waits here."
            />
          ) : (
            <>
              {d.items.map((m) => (
                <Pair key={m.id} match={m} />
              ))}
              {d.next && <p className={classes.about}>There are more; they come up as these are decided.</p>}
            </>
          )
        }
      </Loaded>
    </PageBody>
  );
}

function Pair({ match: m }: { match: Match }) {
  const client = useQueryClient();
  const may = useCan()('item.write');
  const [keep, setKeep] = useState<string>();
  const again = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ['inventory-matches'] }),
      client.invalidateQueries({ queryKey: ['inventory-health'] }),
    ]);
  const different = async () => {
    try {
      await decide(m.id, 'different');
      done('Remembered as different things.', () => void decide(m.id, 'open').then(again));
      await again();
    } catch (e) {
      failed('Deciding', e);
    }
  };
  const gone = keep === m.item.name ? m.other.name : m.item.name;
  return (
    <Panel title={`${m.item.name} and ${m.other.name}`} note={<Time at={m.created_at} />}>
      <p style={{ marginTop: 0 }}>
        {m.reason} Raised by {m.source}.
      </p>
      <div className={classes.two}>
        {[m.item, m.other].map((i) => (
          <KeyValue
            key={i.name}
            rows={[
              [
                'Item',
                <Link key="l" to={`/estate/items/${encodeURIComponent(i.name)}` as string}>
                  {i.name}
                </Link>,
              ],
              ['Kind', kindTitle(i.kind)],
              ['Owner', i.owner || '–'],
            ]}
          />
        ))}
      </div>
      <ul className={classes.evidence}>
        {m.agree.map((a) => (
          <li key={a}>
            Same <span className="mono">{a}</span>
          </li>
        ))}
        {m.against.map((a) => (
          <li key={a}>
            Different <span className="mono">{a}</span>
          </li>
        ))}
      </ul>
      {may && (
        <div className={classes.end}>
          <Button variant="default" onClick={() => void different()}>
            Different things
          </Button>
          <Button variant="default" onClick={() => setKeep(m.item.name)}>
            Same, keep {m.item.name}
          </Button>
          <Button variant="default" onClick={() => setKeep(m.other.name)}>
            Same, keep {m.other.name}
          </Button>
        </div>
      )}
      <ConfirmDialog
        opened={!!keep}
        onClose={() => setKeep(undefined)}
        title={`Merge ${gone} into ${keep}?`}
        action="Merge"
        run={async () => {
          await decide(m.id, 'same', keep);
          done(`${gone} is merged into ${keep}.`);
          await again();
        }}
      >
        {keep} gets its relations, identity and missing fields. The name {gone} leads to {keep} from then on. This
        cannot be taken back.
      </ConfirmDialog>
    </Panel>
  );
}
