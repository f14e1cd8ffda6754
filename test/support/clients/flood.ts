import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { waitFor } from "../wait-for.ts";

const piece_bytes = 65_536;

/** Sends distinct pieces only as fast as `sink` takes them, and keeps a digest of all sent bytes. */
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

  /** Writes everything to `sink`. Pauses while it is full, and calls `done` at the end. */
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

  /** Waits until the sink takes no more. @returns how many bytes it took */
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

/** Counts and digests received bytes. */
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
