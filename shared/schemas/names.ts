import { type Static, Type } from "@sinclair/typebox";

/** Identifies a challenge. It is part of DNS names, volume names and tokens. */
export const Slug = Type.Unsafe<string & { readonly __brand: "Slug" }>(
  Type.String({
    pattern: "^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$",
    description: "lower case letters, digits and dashes, 1 to 40 characters, no dash at either end",
  }),
);
export type Slug = Static<typeof Slug>;

/** An sr25519 public key as ss58 text (prefix 42 on Bittensor). */
export const Hotkey = Type.Unsafe<string & { readonly __brand: "Hotkey" }>(
  Type.String({ pattern: "^[1-9A-HJ-NP-Za-km-z]{46,48}$", description: "an ss58 address" }),
);
export type Hotkey = Static<typeof Hotkey>;

export const Sha256 = Type.Unsafe<string & { readonly __brand: "Sha256" }>(
  Type.String({ pattern: "^[0-9a-f]{64}$", description: "a SHA-256 digest, 64 lower case hexadecimal digits" }),
);
export type Sha256 = Static<typeof Sha256>;
