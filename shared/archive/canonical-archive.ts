import type { ArchiveEntry, ArchiveSummary } from "./archive-entry.ts";
import type { ArchiveLimits } from "./archive-limits.ts";
import { type ArchiveRules, plainRules } from "./archive-rules.ts";
import { EntryGate } from "./entry-gate.ts";
import { readArchive, small_compressed_bytes_max, smallTar } from "./read-archive.ts";
import { CanonicalWriter } from "./tar/canonical-writer.ts";
import { TarParser } from "./tar/tar-parser.ts";

export type { ArchiveEntry, ArchiveSummary } from "./archive-entry.ts";
export { ArchiveError } from "./archive-error.ts";
export type { ArchiveLimits } from "./archive-limits.ts";
export { type ArchiveRules, plainRules } from "./archive-rules.ts";

type OnEntry = (entry: ArchiveEntry) => void;

/**
 * Validates an archive and yields it re-packed: plain tar, entries in the order they came, no owners or times, modes 0644
 * and 0755. It takes gzipped and plain tar (v7, ustar, PAX, GNU), and what `rules` take beside. Two archives of the same
 * names, contents and order give the same bytes. Throws ArchiveError at the first thing that is refused: whoever keeps
 * what came before must drop it then. What is yielded is good until the next is asked for. Memory is constant but for the names, which `entries_max` and `name_bytes_max`
 * bound, and what the rules have it hold, which `held_bytes_max`, `copied_bytes_max` and `window_bytes_max` bound.
 */
export async function* canonicalArchive(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  onEntry?: OnEntry,
  rules: ArchiveRules = plainRules,
): AsyncGenerator<Uint8Array, ArchiveSummary, undefined> {
  const chunks = source[Symbol.asyncIterator]();
  const head = await readHead(chunks);
  const small = head.length > small_compressed_bytes_max ? null : canonicalArchiveBytes(head, limits, onEntry, rules);
  if (small !== null) {
    yield small.bytes;
    return small.summary;
  }
  const writer = new CanonicalWriter(onEntry);
  const reading = readArchive(resumed(head, chunks), limits, rules, writer);
  try {
    for (;;) {
      const step = await reading.next();
      if (step.done) writer.finish();
      yield* writer.take();
      if (step.done) return step.value;
    }
  } finally {
    await reading.return({ files: 0, directories: 0, content_bytes: 0 });
  }
}

/**
 * The same for an archive that is already in memory and small: a tar of at most 512 KiB, and 4 MiB expanded. Null for a
 * larger one, and where the rules take its form or copy links: it has to go through the stream.
 */
export function canonicalArchiveBytes(
  bytes: Uint8Array,
  limits: ArchiveLimits,
  onEntry?: OnEntry,
  rules: ArchiveRules = plainRules,
): { readonly bytes: Uint8Array; readonly summary: ArchiveSummary } | null {
  const plain = smallTar(bytes, limits, rules);
  if (plain === null) return null;
  const writer = new CanonicalWriter(onEntry);
  const parser = new TarParser(limits, new EntryGate(limits, rules, writer));
  parser.push(plain);
  const ending = parser.end();
  for (;;) {
    const step = ending.next();
    if (!step.done) continue;
    writer.finish();
    return { bytes: Buffer.concat(writer.take()), summary: step.value };
  }
}

export type ArchiveEvent =
  | { readonly kind: "entry"; readonly entry: ArchiveEntry }
  | { readonly kind: "data"; readonly data: Uint8Array };

/** Validates an archive in the same way and yields its entries and the contents of its files, for who extracts it. */
export async function* archiveEvents(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  rules: ArchiveRules = plainRules,
): AsyncGenerator<ArchiveEvent, ArchiveSummary, undefined> {
  let events: ArchiveEvent[] = [];
  const reading = readArchive(source, limits, rules, {
    entry: (entry) => void events.push({ kind: "entry", entry }),
    data: (data) => void events.push({ kind: "data", data }),
  });
  try {
    for (;;) {
      const step = await reading.next();
      yield* events;
      if (step.done) return step.value;
      events = [];
    }
  } finally {
    await reading.return({ files: 0, directories: 0, content_bytes: 0 });
  }
}

/** The first bytes of a source, enough to know whether it is small. */
async function readHead(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let bytes = 0; bytes <= small_compressed_bytes_max; ) {
    const next = await chunks.next();
    if (next.done) break;
    parts.push(next.value);
    bytes += next.value.length;
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
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
