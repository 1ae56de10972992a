export type Status = 'connecting' | 'live' | 'lost';
export type ToWorker = { url: string } | { bye: true };
export type FromWorker = { status: Status } | { data: string };

const FIRST = 1500;
const LONGEST = 30_000;

/** One EventSource that comes back by itself, also after an answer that makes the browser give up (401, 503). */
export class Connection {
  status: Status = 'connecting';
  private es: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST;

  constructor(
    private onStatus: (s: Status) => void,
    private onData: (data: string) => void,
  ) {}

  open(url: string): void {
    if (this.es || this.timer) return;
    const es = new EventSource(url);
    this.es = es;
    es.onopen = () => {
      this.wait = FIRST;
      this.set('live');
    };
    es.onmessage = (m: MessageEvent<string>) => this.onData(m.data);
    es.onerror = () => {
      this.set('lost');
      if (es.readyState !== 2) return; // the browser tries again by itself
      es.close();
      this.es = undefined;
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.open(url);
      }, this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST);
    };
  }

  close(): void {
    this.es?.close();
    this.es = undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.status = 'connecting';
  }

  private set(s: Status): void {
    if (this.status === s) return;
    this.status = s;
    this.onStatus(s);
  }
}
