import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

export type TransferDirection = "input" | "output";

/** Tokens of stagers: each worth one job, one mount, one direction and one digest; nothing is stored (jobs §5). */
export interface TransferTokens {
  mint(direction: TransferDirection, job: string, mount: number, digest: string | null): string;
  isValid(token: string, direction: TransferDirection, job: string, mount: number, digest: string | null): boolean;
}

export function createTransferTokens(masterKey: string): TransferTokens {
  const key = Buffer.from(hkdfSync("sha256", masterKey, "", "transfer", 32));
  const mint: TransferTokens["mint"] = (direction, job, mount, digest) =>
    createHmac("sha256", key)
      .update(JSON.stringify([direction, job, mount, digest]))
      .digest("base64url");
  return {
    mint,
    isValid(token, ...claim) {
      const presented = Buffer.from(token);
      const wanted = Buffer.from(mint(...claim));
      return presented.length === wanted.length && timingSafeEqual(presented, wanted);
    },
  };
}
