import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import { stringify } from "smol-toml";
import { resolveEndpoint } from "#shared/chain/networks.ts";
import { configDirectory } from "../install/host-files.ts";
import { defaultInstallation } from "./choices.ts";
import { Installation, InstallationName } from "./installation.ts";

/** The file that holds the choices of this installation. */
export const installationPath = join(configDirectory, "platform.toml");

const header = `# What was chosen for this installation. \`platform up\` reads it, and writes it when an option changes a choice.
# Secrets are in files of their own beside it. Each key is described in deploy/README.md.
`;

/**
 * Reads the installation's file. Null: there is none.
 *
 * @throws Error that names every wrong key and the value that was expected
 */
export function readInstallation(path = installationPath): Installation | null {
  if (!existsSync(path)) return null;
  return checkInstallation(parseToml(path), path);
}

function parseToml(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EACCES") throw cause;
    throw new Error(`${path} is root's alone: run this as root`, { cause });
  }
  try {
    return Bun.TOML.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Error(`${path} cannot be read as TOML: ${cause.message}`, { cause });
  }
}

/**
 * Checks that `values` are an installation and returns them. `where` is their origin; each sentence of an error begins with it.
 *
 * @throws Error that names every wrong key and the value that was expected
 */
export function checkInstallation(values: unknown, where: string): Installation {
  const problems = [...Value.Errors(Installation, values)].map(({ path, message, schema, value, type }) => {
    const key = path.slice(1).replaceAll("/", ".");
    if (type === ValueErrorType.ObjectAdditionalProperties) return `${where}: ${key}: there is no such setting`;
    const came = value === undefined ? "nothing" : JSON.stringify(value);
    return `${where}: ${key}: expected ${schema.description ?? message.toLowerCase()}; got ${came}`;
  });
  if (problems.length > 0) throw new Error([...new Set(problems)].join("\n"));
  const installation = values as Installation;
  if (installation.chain.kind === "external") installation.chain.endpoints.forEach(resolveEndpoint);
  return installation;
}

/** The ports of this machine's installation. If there is no file, the default ports. */
export function installationPorts(): Installation["ports"] {
  return (readInstallation() ?? defaultInstallation(defaultName())).ports;
}

/**
 * Replaces the whole file at once: after a power cut there is either the former file or the new one. A file that already
 * holds these choices is not written again and keeps its comments.
 */
export function writeInstallation(installation: Installation, path = installationPath): void {
  if (existsSync(path) && Value.Equal(readInstallation(path), installation)) return;
  mkdirSync(configDirectory, { recursive: true, mode: 0o755 });
  const fresh = `${path}.new`;
  // Only root may read the file, because an endpoint may hold a secret key of its provider.
  const file = openSync(fresh, "w", 0o600);
  try {
    writeSync(file, `${header}${stringify(installation)}`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
}

/** The default name of an installation: this machine's host name if it is a valid name, else "platform". */
export function defaultName(): string {
  const name = hostname().toLowerCase();
  return Value.Check(InstallationName, name) ? name : "platform";
}
