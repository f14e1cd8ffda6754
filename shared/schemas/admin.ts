import { type Static, Type } from "@sinclair/typebox";

/** What an admin token may do; each scope includes the one before. */
export const AdminScope = Type.Union([Type.Literal("read"), Type.Literal("operate"), Type.Literal("admin")], {
  description:
    "read: look; operate: also change challenges and rotate their tokens; admin: also mint and revoke admin tokens, and delete",
});
export type AdminScope = Static<typeof AdminScope>;

const order: readonly AdminScope[] = ["read", "operate", "admin"];

/** Whether a token of scope `held` may do what needs `needed`. */
export function includesScope(held: AdminScope, needed: AdminScope): boolean {
  return order.indexOf(held) >= order.indexOf(needed);
}

/** A name of a token: what the audit log calls its holder. */
export const AdminTokenName = Type.String({
  pattern: "^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$",
  description: "lower case letters, digits, dots, dashes and underscores, 1 to 64 characters",
});
