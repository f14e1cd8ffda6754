import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const dist = join(import.meta.dir, "../../../dist");
const executables = readdirSync(dist).filter((name) => /^platform-[a-z]+$/.test(name));

function run(name: string, words: readonly string[], cwd = "/", env: Record<string, string> = {}) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([join(dist, name), ...words], {
    cwd,
    env: { PATH: "/usr/bin:/bin", NODE_ENV: "production", ...env },
    timeout: 20_000,
  });
  return { out: stdout.toString(), err: stderr.toString(), exitCode };
}

describe("a compiled executable", () => {
  test("of every role is there", () => {
    expect(executables.length).toBeGreaterThanOrEqual(10);
  });

  test.each(executables)("%s has --help and --version", (name) => {
    const version = run(name, ["--version"]);
    expect(version.exitCode).toBe(0);
    expect(version.out).toMatch(/^platform-[a-z]+ \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?\)\n$/);
    const help = run(name, ["--help"]);
    expect(help.exitCode).toBe(0);
    expect(help.out.length).toBeGreaterThan(100);
  });

  test("ignores a .env and a bunfig.toml where it is started", () => {
    const folder = mkdtempSync(join(tmpdir(), "platform-env-"));
    writeFileSync(join(folder, ".env"), "PLATFORM_BOGUS=1\nPLATFORM_BLOCK_MS=77\n");
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(folder, "evil.ts"), 'process.stdout.write("taken over\\n");\n');
    const shown = run("platform-devchain", ["--print-config"], folder);
    expect(shown.exitCode).toBe(0);
    expect(JSON.parse(shown.out)).toMatchObject({ block_ms: 12_000 });
  });

  test("says which setting is wrong, and exits with 2", () => {
    const { exitCode, err } = run("platform-devchain", ["--check"], "/", { PLATFORM_BLOCK_MS: "soon" });
    expect(exitCode).toBe(2);
    expect(err).toContain("PLATFORM_BLOCK_MS");
  });
});
