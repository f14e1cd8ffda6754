import { gzipSync } from "node:zlib";
import {
  blockOfZeros,
  entryOf,
  gnuMagic,
  longNameEntry,
  paxEntry,
  paxRecord,
  sealHeader,
  type TarEntry,
} from "./tar-builder.ts";

/** Random numbers that depend only on the seed (splitmix32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer in [0, below). */
  below(below: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % below;
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let i = 0; i < count; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

const segments = [
  "a",
  "b",
  "Ab",
  "data",
  "x.py",
  "é",
  "ß",
  "日本",
  "with space",
  "-rf",
  "--checkpoint-action=exec=sh",
  "~",
  "C:",
  "%2e%2e",
  "...",
  "n".repeat(99),
  "n".repeat(120),
];
const hostileSegments = [
  "..",
  ".",
  "",
  "\\",
  "a\0b",
  "a\nb",
  "\u0001",
  "A",
  "ab",
  "e\u0301",
  "ss",
  "\u200b",
  "\ufeff",
  "n".repeat(256),
  "..\\..",
  "\u2028",
];
const types = [
  "0",
  "0",
  "0",
  "5",
  "\0",
  "1",
  "2",
  "3",
  "4",
  "6",
  "7",
  "x",
  "g",
  "L",
  "K",
  "S",
  "D",
  "M",
  "V",
  "X",
  "N",
  "\xff",
];
const oldMagics = ["ustar\0\0\0", "\0".repeat(8)];
const numbers = [
  "00000000000\0",
  "00000001000\0",
  "77777777777\0",
  "           \0",
  "-0000000001\0",
  "\xff".repeat(12),
  `\x80${"\0".repeat(10)}\x02`,
  "1\0\0\0\0\0\0\0\0\0\0\0",
  "0000000000 1",
];
const paxKeys = [
  "path",
  "path",
  "size",
  "linkpath",
  "mtime",
  "comment",
  "GNU.sparse.name",
  "GNU.sparse.major",
  "hdrcharset",
  "SCHILY.xattr.user.a",
  "uname",
  "unknown",
];

export function randomName(random: Random, isHostile: boolean): string {
  const depth = 1 + random.below(random.oneIn(10) ? 40 : 3);
  const name = Array.from({ length: depth }, () =>
    random.pick(isHostile && random.oneIn(3) ? hostileSegments : segments),
  ).join("/");
  const start = random.oneIn(4) ? "./" : isHostile && random.oneIn(6) ? random.pick(["/", "//", "../", "./../"]) : "";
  return start + name;
}

/** One entry with the extended headers in front of it. */
function entriesOf(random: Random, isHostile: boolean): TarEntry[] {
  const name = randomName(random, isHostile);
  const isDirectory = random.oneIn(4);
  const full = isDirectory && random.oneIn(2) ? `${name}/` : name;
  const base: TarEntry = {
    name: full.slice(0, 100),
    type: isHostile && random.oneIn(3) ? random.pick(types) : isDirectory ? "5" : "0",
    content: isDirectory ? Buffer.alloc(0) : random.bytes(random.pick([0, 1, 3, 511, 512, 513, 1500])),
    mode: random.pick([0o644, 0o755, 0o777, 0o4755, 0]),
    magic: random.oneIn(3) ? gnuMagic : random.oneIn(6) ? random.pick(oldMagics) : "ustar\x0000",
    mtime: random.below(2 ** 31),
  };
  const isLong = Buffer.from(full).length > 100;
  if (isLong || random.oneIn(6)) {
    return [random.oneIn(2) ? longNameEntry(full) : paxEntry({ path: full, ...extraKeys(random, isHostile) }), base];
  }
  return isHostile && random.oneIn(4) ? [paxEntry(extraKeys(random, true)), base] : [base];
}

function extraKeys(random: Random, isHostile: boolean): Record<string, string> {
  if (!isHostile) return random.oneIn(2) ? { mtime: "1.5" } : {};
  const value = random.pick(["0", "1", "512", "../x", "/x", "a", "", "a\0b", "-1", "99999999999"]);
  return { [random.pick(paxKeys)]: value };
}

/** The archive of a seed: valid or with hostile entries, then with up to four mutations of its blocks. */
export function randomArchive(seed: number): Buffer {
  const random = new Random(seed);
  const isHostile = random.oneIn(3);
  const count = random.below(random.oneIn(20) ? 60 : 6);
  const blocks: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    for (const entry of entriesOf(random, isHostile && random.oneIn(2))) blocks.push(...split(entryOf(entry)));
  }
  blocks.push(blockOfZeros, blockOfZeros);
  const mutations = random.oneIn(3) ? 0 : 1 + random.below(4);
  for (let i = 0; i < mutations; i++) random.pick(blockMutations)(random, blocks);
  let bytes = Buffer.concat(blocks);
  if (random.oneIn(12)) bytes = mutateBytes(random, bytes);
  if (!random.oneIn(3)) return bytes;
  const zipped = gzipSync(bytes, { level: random.pick([0, 1, 6]) as 0 | 1 | 6 });
  return random.oneIn(5) ? mutateBytes(random, zipped) : zipped;
}

function split(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 512) blocks.push(Buffer.from(bytes.subarray(at, at + 512)));
  return blocks;
}

type BlockMutation = (random: Random, blocks: Buffer[]) => void;

const at = (random: Random, blocks: readonly Buffer[]) => random.below(blocks.length + 1);

/** Changes a block that looks like a header, and corrects its checksum, so that the change is read. */
function headerEdit(edit: (random: Random, block: Buffer) => void): BlockMutation {
  return (random, blocks) => {
    const headers = blocks.flatMap((block, i) => (block.toString("latin1", 257, 262) === "ustar" ? [i] : []));
    if (headers.length === 0) return;
    const i = random.pick(headers);
    const block = Buffer.from(blocks[i] as Buffer);
    edit(random, block);
    sealHeader(block);
    blocks[i] = block;
  };
}

const blockMutations: readonly BlockMutation[] = [
  (random, blocks) => void blocks.splice(at(random, blocks), 1),
  (random, blocks) => void blocks.splice(at(random, blocks), 0, blockOfZeros),
  (random, blocks) => void blocks.splice(at(random, blocks), 0, random.bytes(512)),
  (random, blocks) => {
    if (blocks.length > 0) blocks.splice(at(random, blocks), 0, Buffer.from(random.pick(blocks)));
  },
  (random, blocks) =>
    void blocks.splice(at(random, blocks), 0, ...entriesOf(random, true).flatMap((e) => split(entryOf(e)))),
  (random, blocks) => {
    const records = Buffer.concat([paxRecord(random.pick(paxKeys), "x"), random.bytes(random.below(40))]);
    blocks.splice(
      at(random, blocks),
      0,
      ...split(entryOf({ name: "p", type: random.pick(["x", "g"]), content: records })),
    );
  },
  headerEdit((random, block) => void block.write(random.pick(types), 156, "latin1")),
  headerEdit((random, block) => void block.write(random.pick(numbers), 124, "latin1")),
  headerEdit((random, block) => void block.write(random.pick(numbers).slice(0, 8), 100, "latin1")),
  headerEdit((random, block) => void block.write(randomName(random, true), random.below(90))),
  headerEdit((random, block) => void block.write(randomName(random, true), 345)),
  headerEdit(
    (random, block) =>
      void block.write(random.pick([gnuMagic, "ustar\x0000", "ustar\0  ", ...oldMagics]), 257, "latin1"),
  ),
  headerEdit((random, block) => void block.writeUInt8(random.below(256), random.below(512))),
  headerEdit((_, block) => void block.write("target", 157)),
  headerEdit((random, block) => void block.write("14527462136\x0014527462136\0", random.pick([345, 476]), "latin1")),
];

export function mutateBytes(random: Random, bytes: Buffer): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  switch (random.below(4)) {
    case 0:
      return copy.subarray(0, random.below(copy.length + 1));
    case 1:
      return Buffer.concat([copy, random.bytes(random.below(600))]);
    case 2:
      return Buffer.concat([copy, copy]);
    default:
      for (let i = 0; i <= random.below(4); i++)
        if (copy.length > 0) copy[random.below(copy.length)] = random.below(256);
      return copy;
  }
}
