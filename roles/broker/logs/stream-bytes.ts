import type { LogRecord } from "./job-log.ts";

interface Seen {
  bytes: number;
  readonly hash: Bun.CryptoHasher;
}

/** The bytes of each stream so far, as their number and their digest: two readings are compared without keeping either. */
export class StreamBytes {
  readonly #streams = new Map<LogRecord["stream"], Seen>();

  push({ stream, data }: LogRecord): void {
    const seen = this.#of(stream);
    seen.bytes += Buffer.byteLength(data, "base64");
    seen.hash.update(Buffer.from(data, "base64"));
  }

  /** Compares a reading from its beginning on with what is here now. */
  comparison(): PrefixComparison {
    const wanted = [...this.#streams].map(
      ([stream, { bytes, hash }]) => [stream, { bytes, digest: hash.copy().digest("hex") }] as const,
    );
    return new PrefixComparison(new Map(wanted));
  }

  #of(stream: LogRecord["stream"]): Seen {
    const known = this.#streams.get(stream) ?? { bytes: 0, hash: new Bun.CryptoHasher("sha256") };
    this.#streams.set(stream, known);
    return known;
  }
}

interface Wanted {
  readonly bytes: number;
  readonly digest: string;
}

/** Whether a reading begins, in each stream, with the same bytes as another one. */
export class PrefixComparison {
  readonly #left: Map<LogRecord["stream"], Wanted>;
  readonly #read = new Map<LogRecord["stream"], Seen>();

  constructor(wanted: ReadonlyMap<LogRecord["stream"], Wanted>) {
    this.#left = new Map(wanted);
  }

  push({ stream, data }: LogRecord): void {
    const wanted = this.#left.get(stream);
    if (!wanted) return;
    const read = this.#read.get(stream) ?? { bytes: 0, hash: new Bun.CryptoHasher("sha256") };
    this.#read.set(stream, read);
    read.bytes += Buffer.byteLength(data, "base64");
    // Beyond the other's end without having met it: pieces of another length.
    if (read.bytes > wanted.bytes) return;
    read.hash.update(Buffer.from(data, "base64"));
    if (read.bytes === wanted.bytes && read.hash.copy().digest("hex") === wanted.digest) this.#left.delete(stream);
  }

  /** The streams that do not, or not yet. */
  get different(): readonly LogRecord["stream"][] {
    return [...this.#left.keys()];
  }
}
