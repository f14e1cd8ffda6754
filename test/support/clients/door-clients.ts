import { connect } from "node:net";

export interface Asked {
  /** Null when no complete answer came. */
  readonly status: number | null;
  readonly code: string | null;
  readonly ms: number;
}

export interface Asking {
  /** The client's address, any of 127.0.0.0/8. */
  readonly address: string;
  readonly deadline_ms?: number;
}

/** Sends a request on its own connection and waits for the complete answer. */
export function ask(port: number, pieces: readonly (string | Buffer)[], asking: Asking): Promise<Asked> {
  const { address, deadline_ms = 60_000 } = asking;
  const started = performance.now();
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1", localAddress: address });
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      const status = isWholeAnswer(text) ? Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]) : null;
      resolve({ status, code: /"code":"(\w+)"/.exec(text)?.[1] ?? null, ms: performance.now() - started });
    };
    const timer = setTimeout(finish, deadline_ms);
    socket.on("connect", () => {
      for (const piece of pieces) socket.write(piece);
    });
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (isWholeAnswer(text)) finish();
    });
    socket.on("end", finish).on("close", finish).on("error", finish);
  });
}

function isWholeAnswer(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = text.slice(0, end + 2);
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return text.endsWith("\r\n0\r\n\r\n");
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
  return length !== undefined && text.length >= end + 4 + Number(length);
}

/** The head of a request of the standard kind. */
export function headOf(method: string, path: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: door\r\n${lines.join("")}\r\n`;
}
