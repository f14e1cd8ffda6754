import type { ArchiveSummary } from "../archive-entry.ts";
import { ArchiveError, invalid, overLimit, unsafe } from "../archive-error.ts";
import { notArchive } from "../archive-form.ts";
import type { ArchiveLimits } from "../archive-limits.ts";
import { type EntryGate, tooLarge } from "../entry-gate.ts";
import { decodeName } from "../entry-name.ts";
import { type PaxOverrides, readPaxHeader } from "./pax-header.ts";
import { block_bytes, paddingOf } from "./tar-format.ts";
import { isLikeHeader, isZero, type RawHeader, readHeader } from "./tar-header.ts";

type State = "header" | "content" | "extended" | "padding" | "end";

/** What extended headers say of the entry that follows. */
interface Described {
  pax: PaxOverrides | null;
  name: Uint8Array | null;
  link: Uint8Array | null;
}

/**
 * A push parser for a plain tar stream that knows files, directories and links and refuses everything else; what it meets
 * it tells an EntryGate.
 *
 * It is our own (decision 0003) because the libraries are made to accept: of the refused archives in test/unit/shared/archive/archive-traps.test.ts
 * (limits aside) tar-stream 3.2.2 reads four of five. Links and names could be refused behind it; not what it hides: a PAX
 * size that differs from the header's (it finds a file there that other readers don't), extended headers for extended
 * headers, broken PAX records, a base-256 size of -1, entries behind the end, a missing end.
 */
export class TarParser {
  readonly #limits: ArchiveLimits;
  readonly #gate: EntryGate;

  #state: State = "header";
  /** Bytes left in `content`, `extended` and `padding`. */
  #left = 0;
  #padding = 0;
  /** A header block or extended header that came in pieces. */
  #partial = new Uint8Array(block_bytes);
  #partial_bytes = 0;

  #expanded_bytes = 0;
  /** The entry that is being read, as a person counts: extended headers belong to the entry they describe. */
  #entry_number = 1;
  #entry_name: Uint8Array | null = null;
  #zero_blocks = 0;
  #global_headers = 0;
  #extended_type = "";
  #described: Described = { pax: null, name: null, link: null };

  constructor(limits: ArchiveLimits, gate: EntryGate) {
    this.#limits = limits;
    this.#gate = gate;
  }

  /** Takes the next bytes of the tar. Throws ArchiveError; the parser is then of no further use. */
  push(chunk: Uint8Array): void {
    this.#expanded_bytes += chunk.length;
    if (this.#expanded_bytes > this.#limits.expanded_bytes_max) throw tooLarge(this.#limits);
    try {
      for (let at = 0; at < chunk.length; ) at += this.#step(chunk, at);
    } catch (error) {
      throw error instanceof ArchiveError ? this.#placed(error) : error;
    }
  }

  /** To be called after the last byte, and exhausted: see `EntryGate.end`. */
  *end(): Generator<void, ArchiveSummary, undefined> {
    if (this.#expanded_bytes === 0) throw invalid("empty", "no bytes");
    if (this.#expanded_bytes < block_bytes) refuseOthers(this.#partial.subarray(0, this.#partial_bytes));
    if (this.#state !== "end" || this.#expanded_bytes % block_bytes !== 0) {
      throw invalid("truncated", "archive ends before its end");
    }
    return yield* this.#gate.end();
  }

  #placed(error: ArchiveError): ArchiveError {
    if (this.#state === "end" || error.code === "format") return error;
    return error.at(this.#entry_number, this.#entry_name);
  }

  /** Handles what lies at `at` and answers how many bytes that was, at least 1. */
  #step(chunk: Uint8Array, at: number): number {
    if (this.#state === "header") return this.#gather(chunk, at, block_bytes, (block) => this.#header(block));
    if (this.#state === "extended") return this.#gather(chunk, at, this.#left, (all) => this.#extended(all));
    if (this.#state === "end") return this.#trailer(chunk, at);
    const taken = Math.min(this.#left, chunk.length - at);
    this.#left -= taken;
    if (this.#state === "content") this.#gate.data(chunk.subarray(at, at + taken));
    if (this.#left === 0) this.#skip(this.#state === "content" ? this.#padding : 0);
    return taken;
  }

  /** Collects `wanted` bytes, without a copy where the chunk holds them all. */
  #gather(chunk: Uint8Array, at: number, wanted: number, then: (bytes: Uint8Array) => void): number {
    if (this.#partial_bytes === 0 && chunk.length - at >= wanted) {
      then(chunk.subarray(at, at + wanted));
      return wanted;
    }
    if (this.#partial.length < wanted) this.#partial = new Uint8Array(wanted);
    const taken = Math.min(wanted - this.#partial_bytes, chunk.length - at);
    this.#partial.set(chunk.subarray(at, at + taken), this.#partial_bytes);
    this.#partial_bytes += taken;
    if (this.#partial_bytes === wanted) {
      this.#partial_bytes = 0;
      then(this.#partial.subarray(0, wanted));
    }
    return taken;
  }

  #header(block: Uint8Array): void {
    if (isZero(block)) {
      this.#zeroBlock();
      return;
    }
    if (this.#entry_number === 1) refuseOthers(block);
    if (this.#zero_blocks > 0) throw invalid("lone_zero_block", "one block of zeros between entries");
    const header = readHeader(block);
    switch (header.type) {
      case "0":
      case "\0":
        this.#entry(header, "file");
        break;
      case "5":
        this.#entry(header, "directory");
        break;
      case "1":
      case "2":
        this.#link(header);
        break;
      case "x":
      case "g":
      case "L":
      case "K":
        this.#startExtended(header);
        break;
      default:
        this.#nameOf(header);
        throw refusedType(header.type);
    }
  }

  #zeroBlock(): void {
    if (this.#isDescribed()) throw invalid("extended_header", "extended header without an entry");
    this.#zero_blocks++;
    if (this.#zero_blocks === 2) this.#state = "end";
  }

  #isDescribed(): boolean {
    const { pax, name, link } = this.#described;
    return pax !== null || name !== null || link !== null;
  }

  #startExtended(header: RawHeader): void {
    // An extended header describes the next entry. Extractors disagree on what happens when another extended header
    // comes between (GHSA-vmf3-w455-68vh, GHSA-3pv8-6f4r-ffg2), and no tar program writes that; but for GNU's two long
    // names of one link.
    const { pax, name, link } = this.#described;
    const isPair = (header.type === "L" && name === null) || (header.type === "K" && link === null);
    if (this.#isDescribed() && (pax !== null || !isPair)) {
      throw unsafe("extended_header_twice", "extended header for an extended header");
    }
    if (header.type === "K" && !this.#gate.takesLinks) throw unsafe("link", "link");
    const { entries_max, header_bytes_max } = this.#limits;
    if (header.type === "g" && ++this.#global_headers > entries_max) {
      throw overLimit("entries", "too many global headers", entries_max);
    }
    if (header.size_bytes > header_bytes_max) {
      throw overLimit("header_bytes", `extended header of ${header.size_bytes} bytes`, header_bytes_max);
    }
    this.#extended_type = header.type;
    this.#padding = paddingOf(header.size_bytes);
    this.#left = header.size_bytes;
    if (header.size_bytes === 0) this.#extended(new Uint8Array(0));
    else this.#state = "extended";
  }

  #extended(content: Uint8Array): void {
    const described = this.#described;
    if (this.#extended_type === "L") described.name = longName(content);
    else if (this.#extended_type === "K") described.link = longName(content);
    else if (this.#extended_type === "x") described.pax = readPaxHeader(content, false);
    else readPaxHeader(content, true);
    this.#skip(this.#padding);
  }

  #entry(header: RawHeader, kind: "file" | "directory"): void {
    const size_bytes = header.size_bytes;
    const name = this.#nameOf(header);
    const { pax, link } = this.#described;
    // CVE-2025-62518: who takes the one and who takes the other length sees different archives.
    if (pax?.size_bytes !== undefined && pax.size_bytes !== size_bytes) {
      throw unsafe("pax_size", `PAX size of ${pax.size_bytes} bytes that differs from the header's ${size_bytes}`);
    }
    if (pax?.linkpath !== undefined || link !== null) throw unsafe("link", "link");
    if (kind === "directory" && size_bytes !== 0) throw unsafe("directory_size", "directory with content");
    this.#gate.entry({ kind, name: decodeName(name), size_bytes, isExecutable: header.isExecutable });
    this.#next();
    if (size_bytes === 0) return;
    this.#padding = paddingOf(size_bytes);
    this.#left = size_bytes;
    this.#state = "content";
  }

  #link(header: RawHeader): void {
    const name = this.#nameOf(header);
    const { pax, link } = this.#described;
    // A hard link with content (`pax -o linkdata`, cpio): half of the readers skip it.
    if (header.size_bytes !== 0) throw unsafe("link", "link with content");
    const target = pax?.linkpath ?? link ?? header.link;
    this.#gate.link(header.type === "1" ? "hard" : "symbolic", decodeName(name), decodeName(target));
    this.#next();
  }

  /** The next entry's turn. */
  #next(): void {
    this.#entry_number++;
    this.#entry_name = null;
    if (this.#isDescribed()) this.#described = { pax: null, name: null, link: null };
  }

  /** The bytes of an entry's name, wherever they stand; noted for what may have to be said of it. */
  #nameOf({ prefix, name }: RawHeader): Uint8Array {
    const long = this.#described.pax?.path ?? this.#described.name;
    this.#entry_name = long ?? (prefix.length === 0 ? name : joined(prefix, name));
    return this.#entry_name;
  }

  #skip(bytes: number): void {
    this.#left = bytes;
    this.#state = bytes === 0 ? "header" : "padding";
  }

  #trailer(chunk: Uint8Array, at: number): number {
    if (!isZero(chunk, at)) throw invalid("trailing_data", "data after the end of the archive");
    return chunk.length - at;
  }
}

/** What is no tar at all is called by its name. */
function refuseOthers(start: Uint8Array): void {
  if (!isLikeHeader(start) && !(start.length === block_bytes && isZero(start))) throw notArchive(start);
}

function joined(prefix: Uint8Array, name: Uint8Array): Uint8Array {
  const all = new Uint8Array(prefix.length + 1 + name.length);
  all.set(prefix);
  all[prefix.length] = 0x2f;
  all.set(name, prefix.length + 1);
  return all;
}

/**
 * A GNU long name: text, a NUL, and nothing but NULs behind it. GNU tar reads up to the NUL, even beyond the length it was
 * given; others read the length.
 */
function longName(content: Uint8Array): Uint8Array {
  const nul = content.indexOf(0);
  if (nul === -1) throw unsafe("long_name", "GNU long name without an end");
  if (!isZero(content, nul)) throw unsafe("name_nul", "name with a NUL inside");
  return content.slice(0, nul);
}

function refusedType(type: string): ArchiveError {
  if (type === "3" || type === "4") return unsafe("device", "device");
  if (type === "6") return unsafe("fifo", "named pipe");
  if (type === "S") return unsafe("sparse", "sparse file");
  return unsafe("type", "entry that is neither a file nor a directory");
}
