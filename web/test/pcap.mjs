// Builds a small capture for the tests: Ethernet, IPv4 and TCP, with checksums left at zero.

const mac = (n) => [0, 0, 0x5e, 0, 0x53, n];
const ip = (a) => a.split('.').map(Number);
const u16 = (n) => [(n >> 8) & 255, n & 255];
const u32 = (n) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const FLAGS = { S: 2, SA: 18, A: 16, PA: 24, FA: 17 };

function frame({ from, to, sport, dport, seq, ack, flags, text = '' }) {
  const body = [...Buffer.from(text)];
  const tcp = [
    ...u16(sport),
    ...u16(dport),
    ...u32(seq),
    ...u32(ack),
    0x50,
    FLAGS[flags],
    ...u16(64240),
    0,
    0,
    0,
    0,
    ...body,
  ];
  const head = [0x45, 0, ...u16(20 + tcp.length), 0, 1, 0x40, 0, 64, 6, 0, 0, ...ip(from), ...ip(to)];
  return Buffer.from([...mac(2), ...mac(1), 0x08, 0x00, ...head, ...tcp]);
}

/** A page that is asked for and answered: handshake, request, the same again, answer, end. */
export function webPage() {
  const c = { from: '192.0.2.1', to: '192.0.2.80', sport: 50000, dport: 80 };
  const s = { from: '192.0.2.80', to: '192.0.2.1', sport: 80, dport: 50000 };
  const ask = 'GET /shop HTTP/1.1\r\nHost: shop.example.org\r\n\r\n';
  const answer = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';
  const frames = [
    frame({ ...c, seq: 100, ack: 0, flags: 'S' }),
    frame({ ...s, seq: 900, ack: 101, flags: 'SA' }),
    frame({ ...c, seq: 101, ack: 901, flags: 'A' }),
    frame({ ...c, seq: 101, ack: 901, flags: 'PA', text: ask }),
    frame({ ...c, seq: 101, ack: 901, flags: 'PA', text: ask }),
    frame({ ...s, seq: 901, ack: 101 + ask.length, flags: 'PA', text: answer }),
    frame({ ...c, seq: 101 + ask.length, ack: 901 + answer.length, flags: 'FA' }),
  ];
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(1, 20);
  const parts = frames.flatMap((f, i) => {
    const h = Buffer.alloc(16);
    h.writeUInt32LE(1_790_000_000 + i, 0);
    h.writeUInt32LE(0, 4);
    h.writeUInt32LE(f.length, 8);
    h.writeUInt32LE(f.length, 12);
    return [h, f];
  });
  return Buffer.concat([head, ...parts]);
}
