import { parseArgs } from "node:util";
import {
  type ArchiveEntry,
  ArchiveError,
  type ArchiveRules,
  archiveEvents,
  canonicalArchive,
  canonicalArchiveBytes,
  plainRules,
} from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { type Extraction, extractAndCompare } from "../../support/builders/archives/gnu-tar.ts";
import { Random, randomArchive } from "../../support/builders/archives/random-archives.ts";
import { randomOtherArchive } from "../../support/builders/archives/random-other-archives.ts";

export interface FuzzReport {
  readonly cases: number;
  readonly accepted: number;
  readonly refused: number;
  readonly slowest_ms: number;
  readonly rss_growth_bytes: number;
  /** One sentence a failure, with its seed. */
  readonly problems: readonly string[];
}

const forms = ["zip", "tar.bz2", "tar.xz", "tar.zst"] as const;
const strict: ArchiveRules = { ...plainRules, forms };
const loose: ArchiveRules = { forms, links: "copy", macos_files: "drop" };
const case_ms_max = 2_000;
const rss_growth_bytes_max = 256 * 1024 * 1024;
const batch_archives = 250;

/**
 * Puts random archives through the gate, and checks two properties. The gate answers with an archive or an ArchiveError, in
 * bounded time and memory, and alike for one piece and for many. GNU tar as root extracts an accepted archive, re-packed or
 * as it came, to exactly the announced files and directories, inside its folder.
 */
export async function fuzzArchives(
  from: number,
  cases: number,
  onProgress: (done: number) => void = () => undefined,
): Promise<FuzzReport> {
  const problems: string[] = [];
  let batch: Extraction[] = [];
  let accepted = 0;
  let slowest_ms = 0;
  const rss_bytes = process.memoryUsage().rss;
  for (let seed = from; seed < from + cases && problems.length < 20; seed++) {
    if ((seed - from) % 50_000 === 49_999) onProgress(seed - from + 1);
    const started = performance.now();
    const extraction = await tryArchive(seed, problems);
    slowest_ms = Math.max(slowest_ms, performance.now() - started);
    if (extraction === null) continue;
    accepted++;
    batch.push(extraction);
    if (batch.length < batch_archives) continue;
    problems.push(...(await extractAndCompare(batch)));
    batch = [];
  }
  problems.push(...(await extractAndCompare(batch)));
  const rss_growth_bytes = process.memoryUsage().rss - rss_bytes;
  if (slowest_ms > case_ms_max) problems.push(`a case took ${Math.round(slowest_ms)} ms`);
  if (rss_growth_bytes > rss_growth_bytes_max) problems.push(`memory grew by ${rss_growth_bytes} bytes`);
  return { cases, accepted, refused: cases - accepted, slowest_ms, rss_growth_bytes, problems };
}

/** Every fifth is of another form, and half of these with links copied and files of macOS dropped. */
async function tryArchive(seed: number, problems: string[]): Promise<Extraction | null> {
  return seed % 5 === 0 ? await tryOther(seed, problems) : await tryTar(seed, problems);
}

async function tryOther(seed: number, problems: string[]): Promise<Extraction | null> {
  const rules = seed % 2 === 0 ? loose : strict;
  const source = seed % 20 === 0 ? randomArchive(seed) : randomOtherArchive(new Random(seed));
  const packed = (piece_bytes: number, entries: ArchiveEntry[]) =>
    verdictOf(async () =>
      Buffer.concat(
        await Array.fromAsync(
          canonicalArchive(pieces(source, piece_bytes), limits.archive, (entry) => entries.push(entry), rules),
          (chunk) => chunk.slice(),
        ),
      ),
    );
  const entries: ArchiveEntry[] = [];
  const whole = await packed(source.length, entries);
  const parts = await packed(new Random(seed).pick([1, 100, 4096]), []);
  if (typeof whole === "string" && whole.startsWith("crash")) problems.push(`seed ${seed}: ${whole}`);
  if (String(whole) !== String(parts)) problems.push(`seed ${seed}: one verdict in one piece, another in many`);
  return typeof whole === "string" ? null : { label: `seed ${seed}`, archive: whole, expected: treeOf(entries) };
}

async function tryTar(seed: number, problems: string[]): Promise<Extraction | null> {
  const source = randomArchive(seed);
  const entries: ArchiveEntry[] = [];
  const whole = await verdictOf(() => {
    const packed = canonicalArchiveBytes(source, limits.archive, (entry) => entries.push(entry));
    if (packed === null) throw new Error("larger than the fuzzer makes them");
    return packed.bytes;
  });
  if (typeof whole === "string" && whole.startsWith("crash")) problems.push(`seed ${seed}: ${whole}`);
  if (seed % 4 === 0) {
    const pieces = await verdictOf(() => contentOf(source, new Random(seed).pick([1, 3, 100, 511, 512, 513, 4096])));
    // The canonical archive goes through the gate again: it must be accepted, with the same content.
    const expected = typeof whole === "string" ? whole : await verdictOf(() => contentOf(whole, whole.length));
    if (typeof pieces !== typeof expected) problems.push(`seed ${seed}: ${expected} in one piece, ${pieces} in many`);
    else if (typeof pieces !== "string" && !Buffer.from(pieces).equals(expected as Uint8Array)) {
      problems.push(`seed ${seed}: another archive in pieces`);
    }
  }
  if (typeof whole === "string") return null;
  // Every other accepted archive is extracted as it came: GNU tar must read it in the same way.
  const archive = seed % 2 === 0 ? whole : source;
  return { label: `seed ${seed}`, archive, expected: treeOf(entries) };
}

async function verdictOf(work: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array | string> {
  try {
    return await work();
  } catch (error) {
    return error instanceof ArchiveError ? error.code : `crash: ${error}`;
  }
}

async function* pieces(source: Uint8Array, piece_bytes: number) {
  for (let at = 0; at < source.length; at += piece_bytes) yield source.subarray(at, at + piece_bytes);
}

/** What extracting an archive as a stream would be told, as bytes to compare. */
async function contentOf(source: Uint8Array, piece_bytes: number): Promise<Uint8Array> {
  const told: Uint8Array[] = [];
  for await (const event of archiveEvents(pieces(source, piece_bytes), limits.archive)) {
    told.push(event.kind === "entry" ? Buffer.from(JSON.stringify(event.entry)) : Buffer.from(event.data));
  }
  return Buffer.concat(told);
}

/** The entries, and the directories that only other names imply. */
export function treeOf(entries: readonly ArchiveEntry[]): Map<string, number> {
  const tree = new Map<string, number>();
  for (const { kind, name, size_bytes } of entries) {
    for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
      tree.set(name.slice(0, slash + 1), 0);
    }
    tree.set(kind === "directory" ? `${name}/` : name, size_bytes);
  }
  return tree;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { cases: { type: "string", default: "20000" }, from: { type: "string", default: "1" } },
  });
  const report = await fuzzArchives(Number(values.from), Number(values.cases), (done) =>
    process.stderr.write(`${done} cases\n`),
  );
  process.stdout.write(
    `${JSON.stringify(report)}\n${report.cases - report.problems.length} passed, ${report.problems.length} failed\n`,
  );
  process.exit(report.problems.length === 0 ? 0 : 1);
}
