import { openSecret, sealSecret } from "../../auth/sealed-secret.ts";
import type { Database, Transaction } from "../database.ts";

const purpose = "registry-credentials";
/** Binds a sealed password to its challenge and registry: it opens for no other. */
const contextOf = (challenge: string, registry: string) => `${challenge} ${registry}`;

/** A challenge's account at a registry. Only the broker reads the password. */
export interface RegistryAccount {
  readonly registry: string;
  readonly username: string;
  readonly updated_at: Date;
}

/** A challenge's accounts, by registry. */
export async function registryAccounts(sql: Database | Transaction, challenge: string): Promise<RegistryAccount[]> {
  return await sql<RegistryAccount[]>`select registry, username, updated_at from registry_credentials
    where challenge = ${challenge} order by registry`;
}

/** Stores an account, or replaces it. */
export async function setRegistryAccount(
  sql: Database | Transaction,
  masterKey: string,
  challenge: string,
  { registry, username, updated_at, password }: RegistryAccount & { readonly password: string },
): Promise<void> {
  const sealed = sealSecret(masterKey, purpose, contextOf(challenge, registry), password);
  await sql`insert into registry_credentials (challenge, registry, username, sealed_password, updated_at)
    values (${challenge}, ${registry}, ${username}, ${sealed}, ${updated_at})
    on conflict (challenge, registry) do update set username = excluded.username,
      sealed_password = excluded.sealed_password, updated_at = excluded.updated_at`;
}

/** The challenge's login at the registry, or null. @throws Error when another master key sealed it */
export async function registryLogin(
  sql: Database,
  masterKey: string,
  challenge: string,
  registry: string,
): Promise<{ readonly username: string; readonly password: string } | null> {
  const [row] = await sql`select username, sealed_password from registry_credentials
    where challenge = ${challenge} and registry = ${registry}`;
  if (!row) return null;
  const password = openSecret(masterKey, purpose, contextOf(challenge, registry), row["sealed_password"] as Buffer);
  return { username: row["username"] as string, password };
}
