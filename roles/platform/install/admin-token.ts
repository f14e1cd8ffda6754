import { randomBytes } from "node:crypto";
import { connectDatabase, type Database, type Transaction } from "#shared/database/database.ts";
import { migrateWhenReachable } from "#shared/database/migrate.ts";
import { findAdminToken, mintAdminToken } from "#shared/database/tables/admin-tokens.ts";
import { appendAudit } from "#shared/database/tables/audit.ts";
import { systemClock } from "#shared/time/clock.ts";
import { readSecret, secretPath, writeSecret } from "./host-files.ts";

const token_days = 365;
const current = "admin_token";
/** The file of a former token, which this database does not know but another one may. */
export const formerTokenFile = "admin_token.former";

/**
 * Makes sure that the installation has an admin token that this database accepts. Returns a sentence about what it did.
 * A token that works is never replaced. A token that does not work is kept as the former token, because another database
 * may know it. When the installation returns to that database, the former token is used again.
 */
export async function ensureAdminToken(database_url: string, wait_ms_max: number): Promise<string> {
  const sql = connectDatabase(database_url, "installer", { connections_max: 2 });
  try {
    await migrateWhenReachable(sql, () => undefined, AbortSignal.timeout(wait_ms_max));
    const [known, former] = [readSecret(current), readSecret(formerTokenFile)];
    if (await isGood(sql, known)) return "admin token there already";
    if (former && (await isGood(sql, former))) {
      replaceToken(former, known);
      return `the former admin token works here: it is in ${secretPath(current)} again`;
    }
    const name = `installer-${randomBytes(4).toString("hex")}`;
    const token = await sql.begin((tx) => mintAudited(tx, name, systemClock.now()));
    replaceToken(token, known);
    if (!known) return `first admin token in ${secretPath(current)}`;
    return `a new admin token in ${secretPath(current)}, the one that this database does not know in ${secretPath(formerTokenFile)}`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function isGood(sql: Database, token: string | null): Promise<boolean> {
  return token !== null && (await findAdminToken(sql, token)) !== null;
}

/** Makes `token` the current token. `known` is saved as the former one first, so that a power cut in between loses no token. */
function replaceToken(token: string, known: string | null): void {
  if (known) writeSecret(formerTokenFile, known);
  writeSecret(current, token);
}

/** Makes a token and its entry in the audit log, both in the transaction `tx`: neither exists without the other. */
async function mintAudited(tx: Transaction, name: string, now_ms: number): Promise<string> {
  const expires_at = new Date(now_ms + token_days * 86_400_000);
  const token = await mintAdminToken(tx, { name, scope: "admin", expires_at });
  if (!token) throw new Error("the admin token could not be minted");
  await appendAudit(tx, {
    at: new Date(now_ms),
    actor: "installer",
    action: "token.mint",
    subject: name,
    before: null,
    after: { scope: "admin", expires_at: expires_at.toISOString() },
    request_id: name,
  });
  return token;
}
