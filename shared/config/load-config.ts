import { readFileSync } from "node:fs";
import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import { Value, type ValueError } from "@sinclair/typebox/value";
import { readJson } from "../json/read-json.ts";

const prefix = "PLATFORM_";
const fileKey = `${prefix}CONFIG_FILE`;

/** Everything that is wrong with a configuration, one sentence each: the key, what was expected, never a secret's value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Marks a schema as secret: its value is never printed. */
export function Secret<T extends TSchema>(schema: T): T {
  return { ...schema, secret: true };
}

/** Names a setting's environment variable, instead of `PLATFORM_<KEY>`. Its `…_FILE` variant gets the same name. */
export function FromEnvironment<T extends TSchema>(name: string, schema: T): T {
  return { ...schema, environment: name };
}

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A TOML file with the schema's keys; overrides the `PLATFORM_CONFIG_FILE` of the environment. */
  readonly file?: string | undefined;
}

/**
 * Reads the configuration that `schema` describes. The value of a key `listen_port` is the first of these: the environment's
 * `PLATFORM_LISTEN_PORT`; the content of the file that `PLATFORM_LISTEN_PORT_FILE` names, without one trailing newline;
 * `listen_port` in the optional TOML file; the schema's default. Lists are comma separated or JSON, objects are JSON. Unknown
 * `PLATFORM_…` names and unknown keys of the file are refused, so that no typing error stays unnoticed. `FromEnvironment`
 * gives a setting another name in the environment.
 *
 * @throws ConfigError with every problem found
 */
export function loadConfig<S extends TObject>(schema: S, { env, file = env[fileKey] }: ConfigSources): Static<S> {
  const problems: string[] = [];
  const values: Record<string, unknown> = file ? readFileValues(file, schema, problems) : {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(prefix) || name === fileKey || value === undefined) continue;
    if (!isSetting(name, schema)) problems.push(`${name}: is not a setting of this program`);
  }
  for (const [key, property] of Object.entries(schema.properties)) {
    const name = envName(key, property);
    const text = env[name] ?? readSecretFile(env[`${name}_FILE`], `${name}_FILE`, problems);
    if (text !== undefined) values[key] = parse(text, property);
  }
  const complete = Value.Default(schema, values) as Record<string, unknown>;
  const seen = new Set<string>();
  for (const error of Value.Errors(schema, complete)) {
    const key = error.path.split("/")[1] ?? "";
    if (seen.has(key) || !(key in schema.properties)) continue;
    seen.add(key);
    problems.push(describe(key, schema.properties[key] as TSchema, { ...error, value: complete[key] }));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return complete as Static<S>;
}

/** The configuration as it may be shown: secrets and passwords inside URLs are replaced. */
export function redactedConfig<S extends TObject>(schema: S, config: Static<S>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.properties).flatMap(([key, property]) => {
      const value = (config as Record<string, unknown>)[key];
      if (value === undefined) return [];
      return [[key, isSecret(property) ? "[redacted]" : withoutPassword(value)]];
    }),
  );
}

/** The settings of `schema` as lines of help: name, what it means, default. */
export function describeSettings(schema: TObject): string[] {
  return Object.entries(schema.properties).map(([key, property]) => {
    const fallback =
      property.default === undefined
        ? schema.required?.includes(key)
          ? " (required)"
          : ""
        : ` (default ${JSON.stringify(property.default)})`;
    return `  ${envName(key, property)}\n      ${property.description ?? ""}${fallback}`;
  });
}

function envName(key: string, property: TSchema): string {
  return property["environment"] ?? prefix + key.toUpperCase();
}

function isSetting(name: string, schema: TObject): boolean {
  const base = name.replace(/_FILE$/, "");
  return Object.entries(schema.properties).some(([key, property]) => [name, base].includes(envName(key, property)));
}

function readFileValues(file: string, schema: TObject, problems: string[]): Record<string, unknown> {
  try {
    const values = Bun.TOML.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    for (const key of Object.keys(values)) {
      if (!(key in schema.properties)) problems.push(`${key} in ${file}: is not a setting of this program`);
    }
    return Object.fromEntries(Object.entries(values).filter(([key]) => key in schema.properties));
  } catch (cause) {
    problems.push(`${fileKey}: ${file} cannot be read as TOML (${(cause as Error).message})`);
    return {};
  }
}

function readSecretFile(path: string | undefined, name: string, problems: string[]): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    problems.push(`${name}: ${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? "error"})`);
    return undefined;
  }
}

/** Text of the environment as its schema's type. Text that does not fit stays text, and validation refuses it by name. */
function parse(text: string, schema: TSchema): unknown {
  switch (schema["type"]) {
    case "integer":
    case "number":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    case "boolean":
      return text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : text;
    case "array":
      return text.trim().startsWith("[") ? parseJson(text) : text.split(",").flatMap((item) => item.trim() || []);
    case "object":
      return parseJson(text);
    default:
      return text;
  }
}

function parseJson(text: string): unknown {
  const value = readJson(text);
  return value === undefined ? text : value;
}

function describe(
  key: string,
  schema: TSchema,
  { path, value, message }: Pick<ValueError, "path" | "value" | "message">,
): string {
  const at = path.split("/").slice(2).join(".");
  const expected = `${message.charAt(0).toLowerCase()}${message.slice(1)}${schema["description"] ? ` (${schema["description"]})` : ""}`;
  const came =
    value === undefined ? "nothing" : isSecret(schema) ? "a secret value" : JSON.stringify(withoutPassword(value));
  return `${envName(key, schema)}${at ? ` at ${at}` : ""}: ${expected}; got ${came}`;
}

function isSecret(schema: TSchema): boolean {
  return schema["secret"] === true;
}

function withoutPassword(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/(\w+:\/\/[^:/@\s]*):[^@\s]*@/g, "$1:[redacted]@") : value;
}

/** Settings that every role has. */
export const BaseConfig = Type.Object(
  {
    log_level: Type.Union(
      ["fatal", "error", "warn", "info", "debug", "trace"].map((level) => Type.Literal(level)),
      { default: "info", description: "least severe level that is logged: fatal, error, warn, info, debug or trace" },
    ),
    run_directory: Type.String({
      default: "/run/platform",
      pattern: "^/",
      description: "absolute path of the folder that holds the sockets between roles",
    }),
    shutdown_ms: Type.Integer({
      default: 10_000,
      minimum: 100,
      maximum: 600_000,
      description: "milliseconds from SIGTERM to exit",
    }),
  },
  { additionalProperties: false },
);
