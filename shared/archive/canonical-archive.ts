import type { ArchiveEntry, ArchiveSummary, EntrySink } from "./archive-entry.ts";
import type { ArchiveLimits } from "./archive-limits.ts";
import { expandSmall, expandStream, readAtLeast, small_compressed_bytes_max } from "./expand.ts";
import { TarParser } from "./tar-parser.ts";
import { canonicalHeader, endOfArchive, paddingAfter } from "./tar-writer.ts";

export type { ArchiveEntry, ArchiveSummary } from "./archive-entry.ts";
export { ArchiveError } from "./archive-error.ts";
export type { ArchiveLimits } from "./archive-limits.ts";

type OnEntry = (entry: ArchiveEntry) => void;

/**
 * Validates a gzipped or plain tar (ustar, PAX, GNU) and yields it re-packed: plain tar, entries in the order they came,
 * no owners or times, modes 0644 and 0755. Two archives of the same names, contents and order give the same bytes.
 * Throws ArchiveError at the first thing that is refused: whoever keeps what came before must drop it then. Memory is
 * constant but for the names, which `entries_max` and `name_bytes_max` bound.
 */
export async function* canonicalArchive(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  on_entry?: OnEntry,
): AsyncGenerator<Uint8Array, ArchiveSummary, undefined> {
  const writer = new CanonicalWriter(on_entry);
  const parser = new TarParser(limits, writer);
  const small = await smallOrStream(source, limits);
  if (small.plain !== null) {
    parser.push(small.plain);
  } else {
    for await (const chunk of expandStream(small.stream, limits)) {
      parser.push(chunk);
      const packed = writer.take();
      if (packed.length > 0) yield packed;
    }
  }
  const summary = parser.finish();
  writer.finish();
  yield writer.take();
  return summary;
}

/**
 * The same for an archive that is already in memory and small: at most 512 KiB, and 4 MiB expanded. Null for a larger
 * one, which has to go through the stream.
 */
export function canonicalArchiveBytes(
  bytes: Uint8Array,
  limits: ArchiveLimits,
  on_entry?: OnEntry,
): { readonly bytes: Uint8Array; readonly summary: ArchiveSummary } | null {
  const plain = bytes.length > small_compressed_bytes_max ? null : expandSmall(bytes, limits);
  if (plain === null) return null;
  const writer = new CanonicalWriter(on_entry);
  const parser = new TarParser(limits, writer);
  parser.push(plain);
  const summary = parser.finish();
  writer.finish();
  return { bytes: writer.take(), summary };
}

export type ArchiveEvent =
  | { readonly kind: "entry"; readonly entry: ArchiveEntry }
  | { readonly kind: "data"; readonly data: Uint8Array };

/** Validates an archive in the same way and yields its entries and the contents of its files, for who extracts it. */
export async function* archiveEvents(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
): AsyncGenerator<ArchiveEvent, ArchiveSummary, undefined> {
  let events: ArchiveEvent[] = [];
  const parser = new TarParser(limits, {
    entry: (entry) => void events.push({ kind: "entry", entry }),
    data: (data) => void events.push({ kind: "data", data }),
  });
  for await (const chunk of expandStream(source, limits)) {
    parser.push(chunk);
    yield* events;
    events = [];
  }
  return parser.finish();
}

/** Packs what a parser meets; `take` answers what is packed so far. */
class CanonicalWriter implements EntrySink {
  readonly #on_entry: OnEntry | undefined;
  #parts: Uint8Array[] = [];
  #padding: Uint8Array = new Uint8Array(0);
  #left = 0;

  constructor(on_entry: OnEntry | undefined) {
    this.#on_entry = on_entry;
  }

  entry(entry: ArchiveEntry): void {
    this.#on_entry?.(entry);
    this.#parts.push(canonicalHeader(entry));
    this.#left = entry.size_bytes;
    this.#padding = paddingAfter(entry.size_bytes);
  }

  data(chunk: Uint8Array): void {
    this.#parts.push(chunk);
    this.#left -= chunk.length;
    if (this.#left === 0) this.#parts.push(this.#padding);
  }

  finish(): void {
    this.#parts.push(endOfArchive);
  }

  /** A copy, so that nothing of the parser's input is kept. */
  take(): Uint8Array {
    const packed = Buffer.concat(this.#parts);
    this.#parts = [];
    return packed;
  }
}

type SmallOrStream =
  | { readonly plain: Uint8Array }
  | { readonly plain: null; readonly stream: AsyncIterable<Uint8Array> };

async function smallOrStream(source: AsyncIterable<Uint8Array>, limits: ArchiveLimits): Promise<SmallOrStream> {
  const chunks = source[Symbol.asyncIterator]();
  const head = await readAtLeast(chunks, small_compressed_bytes_max + 1);
  const plain = head.length > small_compressed_bytes_max ? null : expandSmall(head, limits);
  return plain === null ? { plain, stream: resumed(head, chunks) } : { plain };
}

async function* resumed(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
