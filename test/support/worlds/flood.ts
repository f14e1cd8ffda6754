import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { waitFor } from "../wait-for.ts";

const piece_bytes = 65_536;

/** Bytes that come only as fast as `sink` takes them, each piece different from the others, and a digest of all that were sent. */
export class Flood {
  readonly bytes: number;
  sent = 0;
  readonly #hash = createHash("sha256");

  /** @param bytes a multiple of 64 KiB */
  constructor(bytes: number) {
    this.bytes = bytes;
  }

  get digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Writes everything to `sink`, stops when it says so, goes on when it has drained, and ends with `done`. */
  pour(sink: Duplex, done: () => void, frame: (piece: Buffer) => Buffer = (piece) => piece): void {
    while (this.sent < this.bytes) {
      if (sink.destroyed) return;
      const piece = Buffer.alloc(piece_bytes, this.sent / piece_bytes);
      piece.writeUInt32BE(this.sent);
      this.#hash.update(piece);
      this.sent += piece_bytes;
      if (!sink.write(frame(piece))) return void sink.once("drain", () => this.pour(sink, done, frame));
    }
    done();
  }

  /** Waits until nothing more is taken, and gives what was. */
  async standstill(): Promise<number> {
    let before = -1;
    await waitFor(
      () => {
        const isStill = this.sent > 0 && before === this.sent;
        before = this.sent;
        return isStill;
      },
      { every_ms: 300, deadline_ms: 20_000, what: "standstill of the sender" },
    );
    return this.sent;
  }
}

/** Counts and digests what arrives. */
export class Catch {
  bytes = 0;
  readonly #hash = createHash("sha256");

  add(piece: Uint8Array): void {
    this.bytes += piece.length;
    this.#hash.update(piece);
  }

  get digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** One HTTP/1.1 chunk. */
export function chunkOf(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
}
