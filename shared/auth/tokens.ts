import { hkdfSync, timingSafeEqual } from "node:crypto";

export type TokenPurpose = "challenge" | "broker";

/**
 * The token of a challenge: base64url(HKDF-SHA256(master key, "<purpose>:<slug>:<generation>")), 32 bytes.
 * Nothing is stored: the registry keeps the generation alone (architecture §2, decision 0009).
 */
export function deriveToken(masterKey: string, purpose: TokenPurpose, slug: string, generation: number): string {
  return Buffer.from(hkdfSync("sha256", masterKey, "", `${purpose}:${slug}:${generation}`, 32)).toString("base64url");
}

interface Generations {
  readonly token_generation: number;
  readonly token_rotating: boolean;
}

/** The generations of a challenge's tokens that are accepted now: the present one first, then the former one during a rotation. */
export function acceptedGenerations({ token_generation, token_rotating }: Generations): number[] {
  return token_rotating && token_generation > 1 ? [token_generation, token_generation - 1] : [token_generation];
}

/** Whether `presented` is a token of the challenge that is accepted now. Takes the same time for every wrong token. */
export function isToken(
  presented: string,
  masterKey: string,
  purpose: TokenPurpose,
  challenge: Generations & { readonly spec: { readonly slug: string } },
): boolean {
  return acceptedGenerations(challenge)
    .map((generation) => same(presented, deriveToken(masterKey, purpose, challenge.spec.slug, generation)))
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
