import { connectDatabase, type Database } from "#shared/database/database.ts";
import { currentVersion, schemaVersion } from "#shared/database/migrate.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { isDemonstration } from "../demo/challenge.ts";
import { databaseLabel, isEmbeddedDatabase } from "./database-url.ts";
import { isLoopback } from "./loopback.ts";

/**
 * Returns sentences about what keeps the roles from using this database, none if nothing does. It changes nothing in
 * the database.
 */
export async function tryDatabase(url: string, { isRealChain }: { readonly isRealChain: boolean }): Promise<string[]> {
  const label = databaseLabel(url);
  const unusable = isEmbeddedDatabase(url) ? null : unusableUrl(url);
  if (unusable) return [unusable];
  const sql = connectDatabase(url, "installer", { connections_max: 1 });
  try {
    return await look(sql, label, isRealChain);
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    // A refusal by the server and a failure of the connection have a code. An error without one is a fault in our code.
    if (code === undefined) throw error;
    return [`database ${label}: it cannot be used: ${message || code}`];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function unusableUrl(url: string): string | null {
  const parsed = URL.parse(url);
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol) || parsed.pathname.length < 2)
    return "database: expected a URL as postgres://USER:PASSWORD@HOST:5432/NAME";
  if (parsed.searchParams.has("host"))
    return `database ${databaseLabel(url)}: a socket's folder on this machine is not in the roles' containers. Name a host that they can reach.`;
  if (isLoopback(parsed.hostname))
    return `database ${databaseLabel(url)}: this is the machine's own loopback, which the roles' containers cannot reach. Name an address that they can.`;
  return null;
}

async function look(sql: Database, label: string, isRealChain: boolean): Promise<string[]> {
  const version = await currentVersion(sql);
  if (version > schemaVersion)
    return [
      `database ${label}: it has schema version ${version}, this release knows only ${schemaVersion}. Run the newer release.`,
    ];
  if (version < schemaVersion) {
    const [may] = await sql`select has_schema_privilege(current_schema(), 'CREATE') as create`;
    if (!may?.["create"])
      return [`database ${label}: its user may not create tables in it. Grant CREATE on its schema.`];
  }
  if (!isRealChain || version === 0) return [];
  const active = await createChallenges(sql).withStatus("active");
  return active.some(({ spec }) => isDemonstration(spec))
    ? [
        `database ${label}: the demonstration challenge is active in its registry, and would earn on a real subnet. Run \`platform challenge deactivate demo\` first.`,
      ]
    : [];
}
