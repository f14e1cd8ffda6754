import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choose, defaultInstallation } from "../../../../roles/platform/plan/choices.ts";
import { readInstallation, writeInstallation } from "../../../../roles/platform/plan/installation-file.ts";

const folder = mkdtempSync(join(tmpdir(), "platform-installation-"));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, "platform.toml");
const installation = choose(defaultInstallation("host"), {
  netuid: 7,
  epochSeconds: 20,
  chainEndpoint: ["wss://a.example/key", "finney"],
  databaseUrl: "postgres://user:secret@db.example/platform",
  encryption: false,
  advertiseAddr: "10.0.0.1",
});

describe("the installation's file", () => {
  test("is read as it was written, is its owner's alone, and holds no secret", () => {
    writeInstallation(installation, path);
    expect(readInstallation(path)).toEqual(installation);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).not.toContain("secret@");
  });

  test("keeps a person's comments while nothing that is chosen changes", () => {
    writeInstallation(installation, path);
    const commented = `${readFileSync(path, "utf8")}# mine\n`;
    writeFileSync(path, commented);
    writeInstallation({ ...installation }, path);
    expect(readFileSync(path, "utf8")).toBe(commented);
    writeInstallation({ ...installation, name: "other" }, path);
    expect(readInstallation(path)?.name).toBe("other");
  });

  test("is null where there is none", () => {
    expect(readInstallation(join(folder, "nothing.toml"))).toBeNull();
  });

  test.each([
    [
      "a port that is none",
      "proxy = 8080",
      "proxy = 80800",
      "ports.proxy: expected the public door, 1 to 65535; got 80800",
    ],
    ["a setting that is missing", "proxy = 8080", "", "ports.proxy: expected the public door, 1 to 65535; got nothing"],
    [
      "a setting that there is not",
      "netuid = 7",
      "netuid = 7\nnetuids = 8",
      "subnet.netuids: there is no such setting",
    ],
    ["a chain without endpoints", /endpoints = .*\n/, "", 'chain: expected kind = "development", or kind = "external"'],
    ["an endpoint that is none", '"finney"', '"finny"', 'chain endpoint "finny": expected finney, test'],
    ["what is no TOML", "[ports]", "[ports", "cannot be read as TOML"],
  ])("with %s is refused by that key's name", (_what, from, to, told) => {
    rmSync(path, { force: true });
    writeInstallation(installation, path);
    writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
    expect(() => readInstallation(path)).toThrow(told);
  });
});
