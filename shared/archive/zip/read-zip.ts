import { inflateRawSync } from "node:zlib";
import type { ArchiveSummary } from "../archive-entry.ts";
import { ArchiveError, invalid, unsafe } from "../archive-error.ts";
import type { ArchiveLimits } from "../archive-limits.ts";
import { checkRatio } from "../compression/input.ts";
import { RawInflate } from "../compression/raw-inflate.ts";
import type { EntryGate } from "../entry-gate.ts";
import { decodeName } from "../entry-name.ts";
import { extraField, readDirectory, readLocal, type ZipMember, zip_flag } from "./zip-directory.ts";

const method = { stored: 0, deflated: 8 } as const;
/** Up to here an entry is inflated in one piece. */
const small_bytes_max = 4 * 1024 * 1024;
const link_target_bytes_max = 4_096;
const unix_hosts = [3, 19];
const mode_kind = { mask: 0o170000, file: 0o100000, directory: 0o040000, link: 0o120000 } as const;

/**
 * Reads a zip that is all there into a gate, by the directory at its end, and takes only a zip that every reader sees in
 * the same way: entries that lie one behind the other from the first byte to the directory, and whose local headers say
 * what the directory says. To be iterated: between two steps the gate's sink may be emptied. Throws ArchiveError.
 *
 * Our own because yauzl 3.4.0 compares neither an entry's local header with the directory nor its content with its checksum,
 * and takes entries that overlap, lie apart or are there twice: of the 43 refused zips in test/unit/shared/archive/archive-zip.test.ts
 * (limits aside) it reads 28.
 */
export async function* readZip(
  bytes: Uint8Array,
  limits: ArchiveLimits,
  gate: EntryGate,
): AsyncGenerator<void, ArchiveSummary, undefined> {
  const zip = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  const { entries, start } = readDirectory(zip, limits);
  checkRatio(
    entries.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
    bytes.length,
    limits,
  );
  let at = 0;
  for (const [i, entry] of entries.entries()) {
    const next = entries[i + 1]?.offset ?? start;
    try {
      yield* readMember(readLocal(zip, entry, at, next), gate);
    } catch (error) {
      throw error instanceof ArchiveError ? error.at(i + 1, entry.name) : error;
    }
    at = next;
  }
  if (at !== start) throw invalid("zip_overlap", "zip with bytes before its directory");
  return yield* gate.end();
}

async function* readMember(member: ZipMember, gate: EntryGate): AsyncGenerator<void, void, undefined> {
  const { flags, size_bytes, compressed_bytes } = member;
  if ((flags & (zip_flag.encrypted | zip_flag.strong | zip_flag.masked)) !== 0)
    throw unsafe("zip_encrypted", "encrypted entry");
  if (member.method !== method.stored && member.method !== method.deflated)
    throw invalid("zip_method", `entry of compression method ${member.method}`);
  if (member.method === method.stored && compressed_bytes !== size_bytes) throw damaged();
  const name = nameOf(member);
  const mode = unixMode(member);
  const kind = kindOf(mode, name);
  if (kind === "link") {
    gate.link("symbolic", name, decodeName(linkTarget(member)));
    return;
  }
  if (kind === "directory" && size_bytes !== 0) throw unsafe("directory_size", "directory with content");
  gate.entry({ kind, name, size_bytes, isExecutable: (mode & 0o111) !== 0 });
  if (member.method === method.deflated && size_bytes > small_bytes_max) {
    yield* inflateLarge(member, gate);
    return;
  }
  const content = contentOf(member);
  if (content.length > 0) gate.data(content);
  yield;
}

/** 0 where the zip says nothing of it: from another system, or of a writer that did not know and set all bits. */
function unixMode({ host, external_attributes }: ZipMember): number {
  const mode = external_attributes >>> 16;
  return unix_hosts.includes(host) && mode !== 0xffff ? mode : 0;
}

function kindOf(mode: number, name: string): "file" | "directory" | "link" {
  const isFolderName = name.endsWith("/");
  switch (mode & mode_kind.mask) {
    case 0:
      return isFolderName ? "directory" : "file";
    case mode_kind.file:
      if (isFolderName) throw unsafe("name_slash", "file with a slash at the end of its name");
      return "file";
    case mode_kind.directory:
      if (!isFolderName) throw unsafe("zip_kind", "directory whose name does not end with a slash");
      return "directory";
    case mode_kind.link:
      return "link";
    default:
      throw unsafe("type", "entry that is neither a file nor a directory");
  }
}

/**
 * The name, where all readers agree on it: marked as UTF-8, or ASCII, or UTF-8 by a system whose names are bytes. Python
 * and others read an unmarked one as code page 437, Windows by its own.
 */
function nameOf({ name, flags, host, extra }: ZipMember): string {
  const unicode = extraField(extra, 0x7075);
  if (unicode !== null) {
    const other = Buffer.from(unicode.buffer, unicode.byteOffset + 5, Math.max(0, unicode.byteLength - 5));
    if (!other.equals(name)) throw unsafe("zip_name", "entry of two names");
  }
  const isAscii = name.every((byte) => byte < 0x80);
  if (!isAscii && (flags & zip_flag.utf8) === 0 && !unix_hosts.includes(host))
    throw unsafe("zip_name", "name in an unknown code page");
  return decodeName(name);
}

function linkTarget(member: ZipMember): Uint8Array {
  if (member.size_bytes > link_target_bytes_max) throw unsafe("link", "symbolic link with a long target");
  return contentOf(member);
}

/** The whole content of a small or stored entry. */
function contentOf(member: ZipMember): Uint8Array {
  const content = member.method === method.stored ? member.compressed : inflateSmall(member);
  if (content.length !== member.size_bytes || Bun.hash.crc32(content) !== member.crc) throw damaged();
  return content;
}

function inflateSmall({ compressed, size_bytes }: ZipMember): Uint8Array {
  try {
    const { buffer, engine } = inflateRawSync(compressed, {
      info: true,
      maxOutputLength: size_bytes + 1,
      chunkSize: Math.max(64, size_bytes + 1),
    }) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } };
    if (engine.bytesWritten !== compressed.length) throw damaged();
    return buffer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ERR_BUFFER_TOO_LARGE" || code?.startsWith("Z_")) throw damaged();
    throw error;
  }
}

async function* inflateLarge({ compressed, size_bytes, crc }: ZipMember, gate: EntryGate) {
  const inflate = new RawInflate();
  let bytes = 0;
  let sum = 0;
  try {
    for await (const plain of inflate.write(compressed)) {
      bytes += plain.length;
      if (bytes > size_bytes) throw damaged();
      sum = Bun.hash.crc32(plain, sum);
      gate.data(plain);
      yield;
    }
    if (bytes !== size_bytes || sum !== crc || inflate.left_bytes !== 0) throw damaged();
  } finally {
    inflate.destroy();
  }
}

const damaged = (): ArchiveError => invalid("zip_data", "damaged entry: its content is not what its header says");
