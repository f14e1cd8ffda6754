import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

export type TransferDirection = "input" | "output";

/** What one token is for. */
export type TransferClaim = readonly [direction: TransferDirection, job: string, mount: number, digest: string | null];

/** Tokens of stagers: each is good for one job, one mount, one direction and one digest. Nothing is stored (jobs §5). */
export interface TransferTokens {
  mint(...claim: TransferClaim): string;
  isValid(token: string, claim: TransferClaim): boolean;
}

export function createTransferTokens(masterKey: string): TransferTokens {
  const key = Buffer.from(hkdfSync("sha256", masterKey, "", "transfer", 32));
  const mint: TransferTokens["mint"] = (...claim) =>
    createHmac("sha256", key).update(JSON.stringify(claim)).digest("base64url");
  return {
    mint,
    isValid(token, claim) {
      const presented = Buffer.from(token);
      const wanted = Buffer.from(mint(...claim));
      return presented.length === wanted.length && timingSafeEqual(presented, wanted);
    },
  };
}
