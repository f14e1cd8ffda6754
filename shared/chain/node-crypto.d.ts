// Bun and Node 24 have Argon2 in node:crypto; the type package does not know it yet.
declare module "node:crypto" {
  interface Argon2Cost {
    readonly message: Uint8Array;
    readonly nonce: Uint8Array;
    readonly parallelism: number;
    readonly tagLength: number;
    readonly memory: number;
    readonly passes: number;
  }
  export function argon2(
    algorithm: "argon2i" | "argon2d" | "argon2id",
    cost: Argon2Cost,
    done: (error: Error | null, key: Buffer) => void,
  ): void;
}

export {};
