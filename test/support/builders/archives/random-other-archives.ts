import { bzip2Of } from "./bzip2-writer.ts";
import { zstdOf } from "./compressors.ts";
import { mutateBytes, type Random, randomArchive, randomName } from "./random-archives.ts";
import { xzOf } from "./xz-writer.ts";
import { type ZipFile, zipOf } from "./zip-builder.ts";

/** A zip, or a compressed tar: a valid one, or one with hostile entries or mutated bytes. */
export function randomOtherArchive(random: Random): Buffer {
  switch (random.below(6)) {
    case 0:
      return damaged(random, zstdOf(smallTar(random)));
    case 1:
      return damaged(random, xzOf(smallTar(random)));
    case 2:
      // The writer of the tests is slow.
      return damaged(random, bzip2Of(smallTar(random).subarray(0, 4_096)));
    default:
      return damaged(random, randomZip(random));
  }
}

const smallTar = (random: Random) => randomArchive(random.below(2 ** 31));
const damaged = (random: Random, bytes: Buffer) => (random.oneIn(4) ? mutateBytes(random, bytes) : bytes);

const modes = [0o100644, 0o100755, 0o100600, 0o120777, 0o010644, 0, 0o177777];
const lies = ["crc", "compressed_bytes", "size_bytes", "method", "flags"] as const;

function randomZip(random: Random): Buffer {
  const isHostile = random.oneIn(3);
  const count = random.below(random.oneIn(20) ? 40 : 6);
  const files = Array.from({ length: count }, () => zipFile(random, isHostile && random.oneIn(2)));
  return zipOf(files, {
    ...(random.oneIn(8) ? { comment: random.bytes(random.below(60)) } : {}),
    ...(isHostile && random.oneIn(10) ? { before_directory: random.bytes(random.below(50)) } : {}),
    ...(isHostile && random.oneIn(10) ? { after_directory: random.bytes(random.below(50)) } : {}),
  });
}

function zipFile(random: Random, isHostile: boolean): ZipFile {
  const isDirectory = random.oneIn(4);
  const name = randomName(random, isHostile);
  const content = isDirectory ? Buffer.alloc(0) : random.bytes(random.pick([0, 1, 3, 511, 1500]));
  const mode = isHostile ? random.pick(modes) : isDirectory ? 0o040755 : 0o100755;
  const lie = () => ({ [random.pick(lies)]: random.pick([0, 1, 8, 9, 600, 0xffffffff]) % 65_536 });
  return {
    name: isDirectory ? `${name}/` : name,
    content,
    method: random.pick([0, 8]),
    isPiped: random.oneIn(3),
    ...(random.oneIn(3) ? {} : { mode }),
    ...(isHostile && random.oneIn(4) ? { local: lie() } : {}),
    ...(isHostile && random.oneIn(4) ? { central: lie() } : {}),
    ...(isHostile && random.oneIn(12) ? { gap: random.bytes(random.below(40)) } : {}),
  };
}
