import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** `configDirectory` holds the installation's secrets; `runDirectory` holds the sockets of its roles. */
export const configDirectory = "/etc/platform";
export const runDirectory = "/run/platform";
/** The supervisor's settings: an environment file that its systemd unit reads. */
export const supervisorEnvironmentPath = join(configDirectory, "supervisor.env");
/** The user ID, and group ID, under which all our images run. */
export const imageUser = 65_532;

const socketFolders = [
  "admin",
  "public",
  "broker",
  "proxy",
  "aggregator",
  "submitter",
  "devchain",
  "postgres",
] as const;

export interface HostSecrets {
  readonly master_key: string;
  readonly postgres_password: string;
  readonly database_url: string;
}

/** Reads the installation's secrets and makes those that are missing. `databaseUrl` returns the URL of the chosen database. */
export function ensureSecrets(databaseUrl: (embedded_password: string) => string): HostSecrets {
  mkdirSync(configDirectory, { recursive: true, mode: 0o755 });
  const master_key = ensureFile("master_key", () => randomBytes(32).toString("base64url"));
  const postgres_password = ensureFile("postgres_password", () => randomBytes(24).toString("base64url"));
  const database_url = databaseUrl(postgres_password);
  if (readSecret("database_url") !== database_url) writeSecret("database_url", database_url);
  return { master_key, postgres_password, database_url };
}

/** Reads a secret of the installation. Null: it was never made. */
export function readSecret(name: string): string | null {
  const path = secretPath(name);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : null;
}

export function writeSecret(name: string, value: string): string {
  const path = secretPath(name);
  writeFileSync(path, `${value}\n`, { mode: 0o600 });
  chmodSync(path, 0o600);
  return path;
}

export function secretPath(name: string): string {
  return join(configDirectory, name);
}

/** Makes one socket folder for each role. Where systemd runs, a tmpfiles rule makes them again after each boot. */
export function ensureSocketFolders(isSystemd: boolean): void {
  mkdirSync(runDirectory, { recursive: true, mode: 0o755 });
  for (const name of socketFolders) {
    const folder = join(runDirectory, name);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    chownSync(folder, imageUser, imageUser);
  }
  if (!isSystemd) return;
  const lines = socketFolders.map((name) => `d ${runDirectory}/${name} 0755 ${imageUser} ${imageUser} -\n`);
  writeFileSync(tmpfilesPath, `d ${runDirectory} 0755 root root -\n${lines.join("")}`);
}

export const tmpfilesPath = "/etc/tmpfiles.d/platform.conf";

export function isSystemdRunning(): boolean {
  return existsSync("/run/systemd/system");
}

function ensureFile(name: string, make: () => string): string {
  const found = readSecret(name);
  if (found) return found;
  const value = make();
  writeSecret(name, value);
  return value;
}
