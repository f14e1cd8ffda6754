import { createHash, randomBytes } from "node:crypto";
import type { AdminScope } from "../../schemas/admin.ts";
import type { Database, Transaction } from "../database.ts";

const prefix = "pat_";

/** Who presented a valid token. */
export interface AdminIdentity {
  readonly name: string;
  readonly scope: AdminScope;
}

export interface NewAdminToken {
  readonly name: string;
  readonly scope: AdminScope;
  readonly expires_at: Date;
}

/**
 * Stores a new random token (256 bits) and returns its text. The text is shown only now: the database keeps its SHA-256. A
 * revoked or expired token of the same name is replaced.
 *
 * @returns null when a token of this name is in force
 */
export async function mintAdminToken(sql: Database | Transaction, token: NewAdminToken): Promise<string | null> {
  const text = prefix + randomBytes(32).toString("base64url");
  const rows = await sql`
    insert into admin_tokens (name, token_hash, scope, expires_at)
    values (${token.name}, ${hashOf(text)}, ${token.scope}, ${token.expires_at})
    on conflict (name) do update set token_hash = excluded.token_hash, scope = excluded.scope,
      created_at = now(), expires_at = excluded.expires_at, revoked_at = null
      where admin_tokens.revoked_at is not null or admin_tokens.expires_at <= now()
    returning name`;
  return rows.length === 1 ? text : null;
}

/** The holder of `text`, or null when it is unknown, revoked or expired. */
export async function findAdminToken(sql: Database | Transaction, text: string): Promise<AdminIdentity | null> {
  if (!text.startsWith(prefix)) return null;
  const [row] = await sql`
    select name, scope from admin_tokens
    where token_hash = ${hashOf(text)} and revoked_at is null and expires_at > now()`;
  return row ? { name: row["name"] as string, scope: row["scope"] as AdminScope } : null;
}

/** A plain hash is enough, because the tokens are random and cannot be guessed. */
function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
