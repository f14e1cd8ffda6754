import { mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { canonicalArchive, canonicalArchiveBytes } from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { openFolderBlobStore } from "../../roles/broker/blobs/folder-blob-store.ts";
import { tarOf } from "../support/builders/archives/tar-builder.ts";

/** One line of JSON for each figure; `ratio` is ours by the peer's, and more is better for all of them. */
function print(name: string, unit: string, ours: number, peer: number): void {
  const round = (value: number) => Number(value.toPrecision(3));
  const line = { name, unit, ours: round(ours), peer: round(peer), ratio: round(ours / peer) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const random = (bytes: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes / 65_536) }, () => crypto.getRandomValues(new Uint8Array(65_536))),
    bytes,
  );

/** A 200 KB archive of four incompressible files, each time another one, as a challenge sends it. */
const gzipped = () => gzipSync(tarOf(["a", "b", "c", "d"].map((name) => ({ name, content: random(50_000) }))));

async function perSecond(count: number, parallel: number, work: (i: number) => unknown): Promise<number> {
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return (count / (performance.now() - started)) * 1_000;
}

const count = 600;
const sources = Array.from({ length: count }, gzipped);
const directory = await mkdtemp(join(tmpdir(), "bench-archive-"));
try {
  const repacked = await perSecond(count, 1, (i) => canonicalArchiveBytes(sources[i] as Buffer, limits.archive));
  const gunzipped = await perSecond(count, 1, (i) => gunzipSync(sources[i] as Buffer));
  print("archive_200k_repack_against_gunzip_alone", "1/s", repacked, gunzipped);

  const listed = await perSecond(count, 1, (i) => listWithTarStream(gunzipSync(sources[i] as Buffer)));
  print("archive_200k_repack_against_gunzip_and_tar_stream", "1/s", repacked, listed);

  const many = tarOf(Array.from({ length: 4_000 }, (_, i) => ({ name: `d${i % 50}/f${i}`, content: random(5_000) })));
  const packing = await megabytesPerCpuSecond(many.length, async () => {
    for await (const _ of canonicalArchive(once(many), limits.archive));
  });
  const listing = await megabytesPerCpuSecond(many.length, () => listWithTarStream(many));
  print("archive_5k_files_repack_against_tar_stream_list", "MB/CPU s", packing, listing);

  const blobs = await openFolderBlobStore({ directory, free_bytes_min: 0, clock: systemClock });
  const stored = await perSecond(count, 16, (i) =>
    blobs.put(canonicalArchive(once(sources[i] as Buffer), limits.archive)),
  );
  const raw = await perSecond(count, 16, (i) => writeDurably(join(directory, `raw-${i}`), sources[i] as Buffer));
  print("archive_200k_repack_and_store_against_durable_write", "1/s", stored, raw);

  const large_file = join(directory, "large.tar.gz");
  const large = tarOf([{ name: "large", content: Buffer.concat([random(64_000_000), Buffer.alloc(64_000_000)]) }]);
  await Bun.write(large_file, gzipSync(large, { level: 1 }));
  const bounds = { ...limits.archive, ratio_max: 10_000 };
  const streamed = await megabytesPerSecond(large.length, async () => {
    let bytes = 0;
    for await (const chunk of canonicalArchive(once(...(await chunksOf(large_file))), bounds)) bytes += chunk.length;
    if (bytes < large.length) throw new Error("archive cut");
  });
  const tar = await megabytesPerSecond(
    large.length,
    () => Bun.spawn(["tar", "-tzf", large_file], { stdout: "ignore" }).exited,
  );
  print("archive_128m_stream_against_gnu_tar_list", "MB/s", streamed, tar);
} finally {
  await rm(directory, { recursive: true });
}

async function* once(...chunks: readonly Uint8Array[]) {
  yield* chunks;
}

async function chunksOf(file: string): Promise<Uint8Array[]> {
  const all = await Bun.file(file).bytes();
  return Array.from({ length: Math.ceil(all.length / 65_536) }, (_, i) => all.subarray(i * 65_536, (i + 1) * 65_536));
}

function listWithTarStream(tar: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let entries = 0;
    const reader = extract();
    reader.on("entry", (_, content, next) => {
      entries++;
      content.on("end", next);
      content.resume();
    });
    reader.on("finish", () => resolve(entries));
    reader.on("error", reject);
    reader.end(tar);
  });
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.part`, "wx");
  await file.writeFile(bytes);
  await file.datasync();
  await file.close();
  await rename(`${path}.part`, path);
}

/** Of ten rounds, so that the compiler has seen it. */
async function megabytesPerCpuSecond(bytes: number, work: () => Promise<unknown>): Promise<number> {
  const started = process.cpuUsage();
  for (let round = 0; round < 10; round++) await work();
  const { user, system } = process.cpuUsage(started);
  return (10 * bytes) / (user + system);
}

async function megabytesPerSecond(bytes: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return bytes / 1_000 / (performance.now() - started);
}
