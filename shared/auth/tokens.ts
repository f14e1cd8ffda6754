import { hkdfSync, timingSafeEqual } from "node:crypto";

export type TokenPurpose = "challenge" | "broker";

/**
 * The token of a challenge: base64url(HKDF-SHA256(master key, "<purpose>:<slug>:<generation>")), 32 bytes.
 * Nothing is stored: the registry keeps the generation alone (architecture §2, decision 0009).
 */
export function deriveToken(masterKey: string, purpose: TokenPurpose, slug: string, generation: number): string {
  return Buffer.from(hkdfSync("sha256", masterKey, "", `${purpose}:${slug}:${generation}`, 32)).toString("base64url");
}

/** Whether `presented` is the challenge's token of this generation, or of the one before while a rotation is under way. Takes the same time for every wrong token. */
export function isToken(
  presented: string,
  masterKey: string,
  purpose: TokenPurpose,
  challenge: {
    readonly spec: { readonly slug: string };
    readonly token_generation: number;
    readonly token_rotating: boolean;
  },
): boolean {
  const { token_generation: generation, token_rotating } = challenge;
  const generations = token_rotating ? [generation, generation - 1] : [generation];
  return generations
    .map((g) => same(presented, deriveToken(masterKey, purpose, challenge.spec.slug, g)))
    .includes(true);
}

function same(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The token of an `Authorization: Bearer …` header, or null. */
export function bearerToken(header: string | null | undefined): string | null {
  return /^Bearer ([\w.~+/=-]{1,512})$/i.exec(header ?? "")?.[1] ?? null;
}
