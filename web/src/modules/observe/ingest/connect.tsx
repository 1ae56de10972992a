import { Alert, Button, Modal, Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useCan } from '@/lib/permissions';
import { CopyButton } from '@/ui/CopyButton';
import { Loaded } from '@/ui/Loading';
import { failed } from '@/ui/toast';
import classes from './ingest.module.css';
import { isLocal, snippets } from './model';
import { type Overview, overviewQuery, sendingToken } from './queries';

const PLACE = 'TOKEN';

/** What to write into the configuration of a sender. */
export function Connect({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const query = useQuery(overviewQuery);
  return (
    <Modal opened={opened} onClose={onClose} title="Connect a sender" size={680}>
      {opened && (
        <Loaded query={query} what="The ways in" small>
          {(o) => <Steps overview={o} onClose={onClose} />}
        </Loaded>
      )}
    </Modal>
  );
}

function Steps({ overview, onClose }: { overview: Overview; onClose: () => void }) {
  const may = useCan()('token.manage');
  const [token, setToken] = useState('');
  const [id, setID] = useState('prometheus');
  const all = snippets(overview, token || PLACE);
  const shown = all.find((s) => s.id === id) ?? all[0];
  if (!shown) return <Alert color="yellow">This server has no way in for senders.</Alert>;
  const needsToken = shown.text.includes(token || PLACE);
  return (
    <div className={classes.stack}>
      {isLocal(overview.url) && (
        <Alert color="yellow">
          <b>Other machines cannot reach this server.</b> Its address is {overview.url}. Set listen and public_url
          first, except for senders on this machine.
        </Alert>
      )}
      <Select
        label="Sender"
        allowDeselect={false}
        data={all.map((s) => ({ value: s.id, label: s.label }))}
        value={shown.id}
        onChange={(v) => setID(v ?? 'prometheus')}
        data-autofocus
      />
      {needsToken && <TokenStep may={may} token={token} sender={shown.id} onToken={setToken} />}
      {shown.note && <Alert color="yellow">{shown.note}</Alert>}
      <div>
        <div className={classes.file}>
          <span className="muted">{shown.file}</span>
          <CopyButton value={shown.text} label="Copy" />
        </div>
        <pre className={classes.snippet}>
          <code>{shown.text}</code>
        </pre>
      </div>
      {!needsToken && (
        <p className={classes.lead}>
          This protocol knows no tokens. The address of the sender must be allowed under “Ways in and limits”; this
          machine is.
        </p>
      )}
      <p className={classes.lead}>The sender appears in the list as soon as it is heard.</p>
      <div className={classes.end}>
        <Button onClick={onClose}>Done</Button>
      </div>
    </div>
  );
}

function TokenStep({
  may,
  token,
  sender,
  onToken,
}: {
  may: boolean;
  token: string;
  sender: string;
  onToken: (t: string) => void;
}) {
  const [name, setName] = useState(sender);
  const [busy, setBusy] = useState(false);
  if (token)
    return (
      <p className={classes.lead} role="status">
        The token is in the text below. It is shown only now, and can send and nothing else.
      </p>
    );
  if (!may)
    return (
      <p className={classes.lead}>
        Ask an administrator for a token with the permission observe.ingest and write it in place of {PLACE}.
      </p>
    );
  const make = () => {
    setBusy(true);
    sendingToken(name.trim() || sender)
      .then(
        (t) => onToken(t.token),
        (e) => failed('The token is not made', e),
      )
      .finally(() => setBusy(false));
  };
  return (
    <form
      className={classes.make}
      onSubmit={(e) => {
        e.preventDefault();
        make();
      }}
    >
      <TextInput
        label="Token"
        description="Its name is the name of the sender."
        value={name}
        onChange={(e) => setName(e.currentTarget.value)}
      />
      <Button type="submit" variant="default" loading={busy}>
        Make a token
      </Button>
    </form>
  );
}
