import { runDirectory } from "../install/host-files.ts";

export const embeddedLabel = "the embedded database";
const embeddedSocketFolder = `${runDirectory}/postgres`;

/** The URL of the database that `up` brings itself, by its socket on this machine. */
export function embeddedDatabaseUrl(password: string): string {
  return `postgres://platform:${password}@localhost/platform?host=${embeddedSocketFolder}`;
}

export function isEmbeddedDatabase(url: string): boolean {
  return URL.parse(url)?.searchParams.get("host") === embeddedSocketFolder;
}

/** Which database it is, as it may be shown: server and name, neither user nor password. Two URLs of one database have one label. */
export function databaseLabel(url: string): string {
  if (isEmbeddedDatabase(url)) return embeddedLabel;
  const parsed = URL.parse(url);
  return parsed ? `postgres://${parsed.hostname}:${parsed.port || 5432}${parsed.pathname}` : "an unreadable URL";
}
