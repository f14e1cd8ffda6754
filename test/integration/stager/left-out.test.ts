import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "#shared/schemas/limits.ts";
import { stagerExit } from "#shared/schemas/stager.ts";
import { FakeBroker } from "../../support/fakes/fake-transfer-broker.ts";

const main = join(import.meta.dir, "../../../roles/stager/main.ts");
const token = "dG9rZW4tb2YtdGhlLWpvYg";
let volumes: string;
let volume: string;
let broker: FakeBroker;

beforeEach(() => {
  volumes = mkdtempSync(join(tmpdir(), "volumes-"));
  volume = join(volumes, "0");
  mkdirSync(volume);
  broker = new FakeBroker(token);
});
afterEach(() => {
  broker.stop();
  rmSync(volumes, { recursive: true, force: true });
});

/** Collects mount 0. */
async function collect() {
  const env = {
    PLATFORM_VOLUMES_PATH: volumes,
    PLATFORM_TRANSFER_URL: broker.url,
    PLATFORM_MOUNTS: JSON.stringify([{ index: 0, token }]),
    PLATFORM_DEADLINE_MS: "20000",
  };
  const child = Bun.spawn([process.execPath, main, "collect"], { env, stdout: "pipe", stderr: "ignore" });
  const [code, out] = await Promise.all([child.exited, new Response(child.stdout).text()]);
  return { code, result: JSON.parse(out.trim().split("\n").at(-1) ?? "null") };
}

const deep = `${"a/".repeat(limits.archive.depth_max)}b`;
const leftOut: readonly (readonly [string, string, string, () => void])[] = [
  ["a symbolic link", "s", "link", () => symlinkSync("kept", join(volume, "s"))],
  ["a pipe", "p", "special_file", () => Bun.spawnSync(["mkfifo", join(volume, "p")])],
  ["a twin by case", "Kept", "twin", () => writeFileSync(join(volume, "Kept"), "")],
  ["a line break", "a\\nb", "name_control", () => writeFileSync(join(volume, "a\nb"), "")],
  ["a backslash", "a\\\\b", "name_backslash", () => writeFileSync(join(volume, "a\\b"), "")],
  [
    "bytes that are not UTF-8",
    "d/caf<e9>",
    "name_not_utf8",
    () => {
      mkdirSync(join(volume, "d"));
      writeFileSync(Buffer.concat([Buffer.from(`${volume}/d/caf`), Buffer.from([0xe9])]), "");
    },
  ],
  [
    "a directory of which all is left out",
    "x\\\\y",
    "name_backslash",
    () => mkdirSync(join(volume, "x\\y/deep"), { recursive: true }),
  ],
];
test.each(leftOut)("tells that %s was left out, its name and why", async (_what, name, reason, leave) => {
  writeFileSync(join(volume, "kept"), "");
  leave();
  const { code, result } = await collect();
  const told = { count: 1, first: [{ name: reason === "twin" ? "kept" : name, reason }] };
  expect([code, result.mounts[0].skipped]).toEqual([0, told]);
  expect(JSON.parse(broker.requests[0]?.skipped ?? "null")).toEqual(told);
});

test("tells of a name that is too deep, cut", async () => {
  mkdirSync(join(volume, deep), { recursive: true });
  const { code, result } = await collect();
  const [told] = result.mounts[0].skipped.first;
  expect([code, result.mounts[0].skipped.count]).toEqual([0, 1]);
  expect(["depth", "name_bytes"]).toContain(told.reason);
  expect(deep.startsWith(told.name.replace("…", ""))).toBe(true);
  expect(told.name.length).toBeLessThan(128);
}, 30_000);

test("tells the first names of very many that were left out, and their number", async () => {
  for (let at = 0; at < 300; at++) symlinkSync("x", join(volume, `${"é".repeat(120)}${at}`));
  const { code, result } = await collect();
  expect([code, result.mounts[0].skipped.count]).toEqual([0, 300]);
  expect(result.mounts[0].skipped.first).toHaveLength(limits.jobs.skipped_told_max);
  expect(JSON.parse(broker.requests[0]?.skipped ?? "null")).toEqual(result.mounts[0].skipped);
});

test("more files than a mount may hold are not sent, and it is the number that is named", async () => {
  const { entries_max } = limits.archive;
  for (let at = 0; at <= entries_max; at++) writeFileSync(join(volume, String(at)), "");
  const { code, result } = await collect();
  expect([code, result.error]).toEqual([stagerExit.output_too_many, "output_too_many"]);
  expect(result.detail).toContain(entries_max.toLocaleString("en-US"));
  expect(broker.requests).toEqual([]);
}, 30_000);
