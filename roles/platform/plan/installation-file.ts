import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import { stringify } from "smol-toml";
import { resolveEndpoint } from "#shared/chain/networks.ts";
import { configDirectory } from "../install/host-files.ts";
import { defaultInstallation } from "./choices.ts";
import { Installation, InstallationName } from "./installation.ts";

/** What was chosen for this installation. */
export const installationPath = join(configDirectory, "platform.toml");

const header = `# What was chosen for this installation. \`platform up\` reads it, and writes it when an option changes a choice.
# Secrets are in files of their own beside it. Each key is described in deploy/README.md.
`;

/**
 * The installation's file, or null where there is none.
 *
 * @throws Error that names every key that is wrong and what was expected of it
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
 * What `values` are when they are an installation; `where` they were found begins each sentence.
 *
 * @throws Error that names every key that is wrong and what was expected of it
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

/** The ports of the installation on this machine; those of a new one where there is no file. */
export function installationPorts(): Installation["ports"] {
  return (readInstallation() ?? defaultInstallation(defaultName())).ports;
}

/** Replaces the file as a whole: after a power cut it is the former one or this one. What says the same already stays, comments and all. */
export function writeInstallation(installation: Installation, path = installationPath): void {
  if (existsSync(path) && Value.Equal(readInstallation(path), installation)) return;
  mkdirSync(configDirectory, { recursive: true, mode: 0o755 });
  const fresh = `${path}.new`;
  // An endpoint may hold a key of its provider: whoever is not root has no business with it.
  const file = openSync(fresh, "w", 0o600);
  try {
    writeSync(file, `${header}${stringify(installation)}`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
}

/** The name of an installation that was given none: the machine's, as far as it is one. */
export function defaultName(): string {
  const name = hostname().toLowerCase();
  return Value.Check(InstallationName, name) ? name : "platform";
}
