import { describe, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import { ConfigError, loadConfig, redactedConfig, Secret } from "#shared/config/load-config.ts";

const Schema = Type.Object(
  {
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 8080, description: "where to listen" }),
    tags: Type.Array(Type.String(), { default: [] }),
    verbose: Type.Boolean({ default: false }),
    master_key: Secret(Type.String({ minLength: 8 })),
    database_url: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);
const key = { PLATFORM_MASTER_KEY: "long enough" };
const folder = mkdtempSync(join(tmpdir(), "platform-config-"));

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(Schema, { env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe("configuration", () => {
  test("comes from the environment, else a named file, else the TOML file, else the default", () => {
    const secret = join(folder, "key");
    writeFileSync(secret, "from a file\n");
    const file = join(folder, "platform.toml");
    writeFileSync(file, 'port = 9000\ntags = ["a"]\nmaster_key = "from the TOML"\n');
    const config = loadConfig(Schema, { env: { PLATFORM_TAGS: "x, y", PLATFORM_MASTER_KEY_FILE: secret }, file });
    expect(config).toEqual({ port: 9000, tags: ["x", "y"], verbose: false, master_key: "from a file" });
  });

  test("refuses a key it does not know, in the environment and in the file", () => {
    expect(problemsOf({ ...key, PLATFORM_PROT: "1" })).toEqual(["PLATFORM_PROT: is not a setting of this program"]);
    const file = join(folder, "typo.toml");
    writeFileSync(file, "prot = 1\n");
    expect(() => loadConfig(Schema, { env: key, file })).toThrow(/prot in .*typo\.toml: is not a setting/);
  });

  test("names the key and what was expected, all problems at once", () => {
    const problems = problemsOf({ PLATFORM_PORT: "eighty", PLATFORM_VERBOSE: "maybe" });
    expect(problems).toHaveLength(3);
    expect(problems.join("\n")).toContain('PLATFORM_PORT: expected integer (where to listen); got "eighty"');
    expect(problems.join("\n")).toContain("PLATFORM_MASTER_KEY");
  });

  test("never shows a secret, nor the password inside a URL", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 12, maxLength: 40 }).filter((s) => /^[A-Za-z0-9]+$/.test(s)),
        (secret) => {
          const config = loadConfig(Schema, {
            env: { PLATFORM_MASTER_KEY: secret, PLATFORM_DATABASE_URL: `postgres://platform:${secret}@host/db` },
          });
          expect(JSON.stringify(redactedConfig(Schema, config))).not.toContain(secret);
        },
      ),
    );
    expect(problemsOf({ PLATFORM_MASTER_KEY: "short-1" }).join("")).not.toContain("short-1");
  });

  test("says which file of a …_FILE setting cannot be read", () => {
    expect(problemsOf({ PLATFORM_MASTER_KEY_FILE: join(folder, "absent") })[0]).toContain(
      "absent cannot be read (ENOENT)",
    );
  });
});
