import { runDirectory } from "../install/host-files.ts";

export const embeddedLabel = "the embedded database";
const embeddedSocketFolder = `${runDirectory}/postgres`;

/** The URL of the embedded database, which `up` starts itself. It leads to a unix socket on this machine. */
export function embeddedDatabaseUrl(password: string): string {
  return `postgres://platform:${password}@localhost/platform?host=${embeddedSocketFolder}`;
}

export function isEmbeddedDatabase(url: string): boolean {
  return URL.parse(url)?.searchParams.get("host") === embeddedSocketFolder;
}

/**
 * A label that may be shown: the database's server and name, without user and password. URLs of the same database have
 * the same label.
 */
export function databaseLabel(url: string): string {
  if (isEmbeddedDatabase(url)) return embeddedLabel;
  const parsed = URL.parse(url);
  return parsed ? `postgres://${parsed.hostname}:${parsed.port || 5432}${parsed.pathname}` : "an unreadable URL";
}
