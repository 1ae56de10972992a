// An exporter of NetFlow 9: templates, names of interfaces, a sampling rate, and records.
import { createSocket } from 'node:dgram';

const FIELDS = [
  [8, 4],
  [12, 4],
  [7, 2],
  [11, 2],
  [4, 1],
  [6, 1],
  [5, 1],
  [10, 4],
  [14, 4],
  [1, 8],
  [2, 8],
  [16, 4],
  [17, 4],
  [22, 4],
  [21, 4],
]; // prettier-ignore
const LENGTH = FIELDS.reduce((n, [, l]) => n + l, 0);
const TEMPLATE = 256;
const NAMES = 257;
const SAMPLER = 258;

const ip = (a) => a.split('.').reduce((n, o) => n * 256 + Number(o), 0);

function set(id, body) {
  const pad = (4 - (body.length % 4)) % 4;
  const b = Buffer.alloc(4 + body.length + pad);
  b.writeUInt16BE(id, 0);
  b.writeUInt16BE(b.length, 2);
  body.copy(b, 4);
  return b;
}

function words(...list) {
  const b = Buffer.alloc(list.length * 2);
  for (const [i, v] of list.entries()) b.writeUInt16BE(v, i * 2);
  return b;
}

/** Sends to 127.0.0.1; `interfaces` are names by index. */
export function startSender(port, { domain = 1, sampling = 1, interfaces = {} } = {}) {
  const socket = createSocket('udp4');
  const begun = Date.now() - 3_600_000;
  let sequence = 0;
  const send = (...sets) =>
    new Promise((ok, bad) => {
      const head = Buffer.alloc(20);
      head.writeUInt16BE(9, 0);
      head.writeUInt16BE(sets.length, 2);
      head.writeUInt32BE(Date.now() - begun, 4);
      head.writeUInt32BE(Math.floor(Date.now() / 1000), 8);
      head.writeUInt32BE(sequence++, 12);
      head.writeUInt32BE(domain, 16);
      socket.send(Buffer.concat([head, ...sets]), port, '127.0.0.1', (e) => (e ? bad(e) : ok()));
    });
  return {
    templates: () =>
      send(
        set(0, words(TEMPLATE, FIELDS.length, ...FIELDS.flat())),
        // The scope is an interface; its name has 16 bytes.
        set(1, words(NAMES, 4, 4, 2, 4, 82, 16)),
        set(1, words(SAMPLER, 4, 4, 1, 4, 34, 4)),
      ),
    async names() {
      const rows = Object.entries(interfaces).map(([index, name]) => {
        const b = Buffer.alloc(20);
        b.writeUInt32BE(Number(index), 0);
        b.write(name, 4, 16, 'utf8');
        return b;
      });
      const rate = Buffer.alloc(8);
      rate.writeUInt32BE(sampling, 4);
      await send(...(rows.length ? [set(NAMES, Buffer.concat(rows))] : []), set(SAMPLER, rate));
    },
    /** Records: {src, dst, sport, dport, proto, flags, tos, in, out, bytes, packets, srcAS, dstAS}. */
    async flows(records) {
      for (let i = 0; i < records.length; i += 20) {
        const rows = records.slice(i, i + 20).map((r) => {
          const b = Buffer.alloc(LENGTH);
          const up = Date.now() - begun;
          const values = [
            ip(r.src),
            ip(r.dst),
            r.sport ?? 0,
            r.dport ?? 0,
            r.proto ?? 6,
            r.flags ?? 0,
            r.tos ?? 0,
            r.in ?? 0,
            r.out ?? 0,
            r.bytes,
            r.packets ?? Math.max(1, Math.round(r.bytes / 900)),
            r.srcAS ?? 0,
            r.dstAS ?? 0,
            up - 30_000,
            up - 500,
          ]; // prettier-ignore
          let at = 0;
          FIELDS.forEach(([, l], f) => {
            if (l === 8) b.writeBigUInt64BE(BigInt(values[f]), at);
            else b.writeUIntBE(values[f], at, l);
            at += l;
          });
          return b;
        });
        await send(set(TEMPLATE, Buffer.concat(rows)));
      }
    },
    stop: () => socket.close(),
  };
}
