import type { Socket } from "bun";

interface Seen {
  readonly path: string;
  readonly method: string;
  readonly range: string | null;
  readonly skipped: string | null;
}

/** The broker's transfer routes of one job, with failures to order. It speaks HTTP/1.1 by hand, to cut anywhere. */
export class FakeBroker {
  input: Uint8Array = new Uint8Array(0);
  readonly uploads: Buffer[] = [];
  readonly requests: Seen[] = [];
  /** Statuses of the next answers; then 200. */
  statuses: number[] = [];
  /** Connections of the next requests are cut after this many bytes of the body. */
  cut_after_bytes: number[] = [];

  readonly #token: string;
  readonly #server;

  constructor(token: string) {
    this.#token = token;
    this.#server = Bun.listen<{ received: Buffer; sending: Buffer; isCut: boolean }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = { received: Buffer.alloc(0), sending: Buffer.alloc(0), isCut: false };
        },
        data: (socket, chunk) => {
          socket.data.received = Buffer.concat([socket.data.received, chunk]);
          this.#receive(socket);
        },
        drain: (socket) => flush(socket),
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/v1/transfer/job`;
  }

  get paths(): string[] {
    return this.requests.map(({ path }) => path);
  }

  stop(): void {
    this.#server.stop(true);
  }

  #receive(socket: Peer): void {
    const { received } = socket.data;
    const headEnd = received.indexOf("\r\n\r\n");
    if (headEnd === -1 || socket.data.isCut) return;
    const head = received.subarray(0, headEnd).toString("latin1");
    const header = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1]?.trim() ?? null;
    const body = received.subarray(headEnd + 4);
    const length = Number(header("content-length") ?? 0);
    const cut = head.startsWith("PUT") ? this.cut_after_bytes[0] : undefined;
    if (cut !== undefined && body.length >= cut) {
      this.cut_after_bytes.shift();
      this.#note(head, header);
      socket.data.isCut = true;
      socket.terminate();
      return;
    }
    if (body.length < length) return;
    socket.data.received = Buffer.alloc(0);
    this.#note(head, header);
    const isKnown = header("authorization") === `Bearer ${this.#token}`;
    const status = isKnown ? (this.statuses.shift() ?? 200) : 401;
    if (status !== 200) answer(socket, { status, headers: {}, body: Buffer.alloc(0) });
    else if (head.startsWith("PUT")) this.#store(socket, body);
    else this.#send(socket, header("range"));
  }

  #note(head: string, header: (name: string) => string | null): void {
    const method = head.slice(0, head.indexOf(" "));
    const path = head.split(" ")[1] ?? "";
    this.requests.push({ path, method, range: header("range"), skipped: header("x-platform-skipped") });
  }

  #store(socket: Peer, body: Buffer): void {
    this.uploads.push(Buffer.from(body));
    const digest = new Bun.CryptoHasher("sha256").update(body).digest("hex");
    answer(socket, {
      status: 200,
      headers: {},
      body: Buffer.from(JSON.stringify({ digest, size_bytes: body.length })),
    });
  }

  #send(socket: Peer, range: string | null): void {
    const start = range === null ? 0 : Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
    const body = Buffer.from(this.input.subarray(start));
    const total = this.input.length;
    const cut = this.cut_after_bytes.shift();
    const headers = range === null ? {} : { "content-range": `bytes ${start}-${total - 1}/${total}` };
    answer(socket, { status: range === null ? 200 : 206, headers, body }, cut);
  }
}

type Peer = Socket<{ received: Buffer; sending: Buffer; isCut: boolean }>;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends the answer; with `cut` only so many bytes of its body, and then the connection ends. */
function answer(socket: Peer, { status, headers, body }: Answer, cut?: number): void {
  const lines = Object.entries({ ...headers, "content-length": String(body.length) }).map(([k, v]) => `${k}: ${v}\r\n`);
  const head = Buffer.from(`HTTP/1.1 ${status} X\r\n${lines.join("")}\r\n`);
  socket.data.isCut = cut !== undefined;
  socket.data.sending = Buffer.concat([head, cut === undefined ? body : body.subarray(0, cut)]);
  flush(socket);
}

function flush(socket: Peer): void {
  const sent = socket.write(socket.data.sending);
  socket.data.sending = socket.data.sending.subarray(Math.max(0, sent));
  if (socket.data.sending.length === 0 && socket.data.isCut) socket.end();
}
