// One EventSource for a whole browser profile. On HTTP/1.1 a browser opens six connections to a host; with one stream a
// tab the sixth tab would hang for ever.
import { Connection, type FromWorker, type ToWorker } from './stream.conn';

const ports = new Set<MessagePort>();
const all = (m: FromWorker) => {
  for (const p of ports) p.postMessage(m);
};
const conn = new Connection(
  (status) => all({ status }),
  (data) => all({ data }),
);

(self as unknown as SharedWorkerGlobalScope).onconnect = (e) => {
  const port = e.ports[0] as MessagePort;
  port.onmessage = (m: MessageEvent<ToWorker>) => {
    if ('bye' in m.data) {
      ports.delete(port);
      if (!ports.size) conn.close();
      return;
    }
    ports.add(port);
    conn.open(m.data.url);
    port.postMessage({ status: conn.status } satisfies FromWorker);
  };
};
