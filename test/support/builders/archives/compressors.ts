import { constants, zstdCompressSync } from "node:zlib";

/** The same bytes compressed by Python's own modules, which are the programs' libraries. */
export async function compressed(form: "bz2" | "xz", bytes: Uint8Array, options = ""): Promise<Buffer> {
  const [module, call] = form === "bz2" ? ["bz2", "bz2.compress(data)"] : ["lzma", `lzma.compress(data${options})`];
  const script = `import sys, ${module}; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(${call})`;
  const child = Bun.spawn(["python3", "-c", script], { stdin: Buffer.from(bytes), stdout: "pipe" });
  const out = Buffer.from(await new Response(child.stdout).bytes());
  if ((await child.exited) !== 0) throw new Error("python3 could not compress");
  return out;
}

/** With a checksum, as the program `zstd` writes it. */
export const zstdOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }));
