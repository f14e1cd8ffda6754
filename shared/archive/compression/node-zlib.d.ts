import type { Transform } from "node:stream";

/** What Bun has of Node 22.15's zlib, and its types do not know yet. */
declare module "node:zlib" {
  function zstdCompressSync(
    bytes: Uint8Array,
    options?: { readonly params?: Readonly<Record<number, number>> },
  ): Uint8Array;
  function createZstdDecompress(options: {
    readonly chunkSize?: number;
    readonly params?: Readonly<Record<number, number>>;
  }): Transform;
  namespace constants {
    const ZSTD_d_windowLogMax: number;
    const ZSTD_c_checksumFlag: number;
  }
}
