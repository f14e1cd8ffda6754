import { describe, expect, test } from "bun:test";
import {
  type ArchiveEntry,
  ArchiveError,
  type ArchiveLimits,
  type ArchiveRules,
  canonicalArchive,
  plainRules,
} from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { treeOf } from "../../../simulation/shared/archive-fuzz.ts";
import { extractAndCompare } from "../../../support/builders/archives/gnu-tar.ts";
import { longNameEntry, paxEntry, type TarEntry, tarOf } from "../../../support/builders/archives/tar-builder.ts";

const rules: ArchiveRules = { ...plainRules, links: "copy" };
const x = Buffer.from("x");
const symbolic = (name: string, link: string): TarEntry => ({ name, type: "2", link });
const hard = (name: string, link: string): TarEntry => ({ name, type: "1", link });
const file = (name: string, content: Buffer = x): TarEntry => ({ name, content });

async function packed(entries: readonly TarEntry[], bounds: ArchiveLimits = limits.archive) {
  const told: ArchiveEntry[] = [];
  async function* once() {
    yield tarOf(entries);
  }
  const chunks = canonicalArchive(once(), bounds, (entry) => told.push(entry), rules);
  return { bytes: Buffer.concat(await Array.fromAsync(chunks, (chunk) => chunk.slice())), told };
}
const names = async (entries: readonly TarEntry[]) =>
  (await packed(entries)).told.map(({ kind, name, size_bytes }) =>
    kind === "directory" ? `${name}/` : `${name}:${size_bytes}`,
  );

describe("links become copies", () => {
  test.each([
    ["a hard link", [file("a"), hard("b", "a")], ["a:1", "b:1"]],
    ["a hard link, its names with ./", [file("./a"), hard("./b", "./a")], ["a:1", "b:1"]],
    ["a symbolic link before its target", [symbolic("b", "a"), file("a")], ["a:1", "b:1"]],
    ["a symbolic link up and down again", [file("lib/a"), symbolic("bin/b", "../lib/a")], ["lib/a:1", "bin/b:1"]],
    ["a chain", [symbolic("c", "b"), symbolic("b", "a"), file("a")], ["a:1", "c:1", "b:1"]],
    [
      "a link to a folder",
      [{ name: "d/" }, file("d/a"), { name: "d/e/" }, file("d/e/b"), symbolic("l", "d")],
      ["d/", "d/a:1", "d/e/", "d/e/b:1", "l/", "l/a:1", "l/e/", "l/e/b:1"],
    ],
    ["a link to a folder that only names imply", [file("d/a"), symbolic("l", "d")], ["d/a:1", "l/", "l/a:1"]],
    [
      "a folder that holds a link",
      [file("a"), symbolic("d/b", "../a"), symbolic("l", "d")],
      ["a:1", "d/b:1", "l/", "l/b:1"],
    ],
    ["a PAX target", [file("a"), paxEntry({ linkpath: "a" }), symbolic("b", "")], ["a:1", "b:1"]],
    [
      "GNU's two long names",
      [file("a"), longNameEntry("./a", "K"), longNameEntry("n".repeat(120)), symbolic("x", "x")],
      ["a:1", `${"n".repeat(120)}:1`],
    ],
  ] as [string, TarEntry[], string[]][])("%s", async (_, entries, expected) => {
    expect(await names(entries)).toEqual(expected);
    const { bytes, told } = await packed(entries);
    expect(await extractAndCompare([{ label: _, archive: bytes, expected: treeOf(told) }])).toEqual([]);
  });
});

describe("a link is refused", () => {
  const big = file("a", Buffer.alloc(1_000));
  test.each([
    ["that leads out", "link_target", [symbolic("a", "../../etc/passwd")]],
    ["that is absolute", "link_target", [symbolic("a", "/etc/passwd")]],
    ["that is hard and absolute", "link_target", [hard("a", "/etc/passwd")]],
    ["that climbs out and in again", "link_target", [file("x/a"), symbolic("x/b", "../../x/a")]],
    ["to nothing", "link_target", [symbolic("a", "b")]],
    ["in a circle", "link_target", [symbolic("a", "b"), symbolic("b", "a")]],
    ["to itself", "link_target", [symbolic("a", "a")]],
    ["to the folder that it lies in", "link_target", [file("d/a"), symbolic("d/l", ".")]],
    ["to the root", "link_target", [file("a"), symbolic("l", ".")]],
    [
      "to folders inside each other's copy",
      "link_target",
      [file("a/f"), symbolic("a/b", "../c"), file("c/g"), symbolic("l", "a")],
    ],
    ["that a later file goes through", "file_as_directory", [file("d/a"), symbolic("l", "d"), file("l/b")]],
    ["of a name that is there", "duplicate", [file("a"), symbolic("a", "b")]],
    ["with content", "link", [{ ...hard("b", "a"), content: x }]],
    ["whose name climbs", "name_parent", [symbolic("../a", "b")]],
    ["whose target is not UTF-8", "name_not_utf8", [paxEntry({ linkpath: Buffer.from([0xff]) }), symbolic("a", "")]],
  ] as [string, string, TarEntry[]][])("%s", async (_, code, entries) => {
    await expect(packed(entries)).rejects.toMatchObject({ kind: "unsafe", code });
  });

  test.each([
    ["copied_bytes", { copied_bytes_max: 999 }, [file("b"), big, symbolic("l", "b"), hard("m", "a")]],
    [
      "expanded_bytes",
      { expanded_bytes_max: 20_000 },
      [big, ...Array.from({ length: 20 }, (_, i) => symbolic(`l${i}`, "a"))],
    ],
    [
      "entries",
      { entries_max: 20 },
      [file("d/a"), file("d/b"), ...Array.from({ length: 10 }, (_, i) => symbolic(`l${i}`, "d"))],
    ],
    ["name_bytes", { name_bytes_max: 20 }, [file("d/0123456789"), symbolic("a-long-name", "d")]],
  ] as [string, Partial<ArchiveLimits>, TarEntry[]][])("beyond the bound %s", async (code, bound, entries) => {
    await expect(packed(entries, { ...limits.archive, ...bound })).rejects.toMatchObject({ kind: "limit", code });
  });
});

test("a file too large to be held is taken, and only a link to it is not", async () => {
  const bounds = { ...limits.archive, copied_bytes_max: 999 };
  const { told } = await packed([file("a", Buffer.alloc(1_000)), file("b"), symbolic("l", "b")], bounds);
  expect(told.map(({ name }) => name)).toEqual(["a", "b", "l"]);
});

test("an error of a copy that is too much is an ArchiveError, and says which bound", async () => {
  const error = await packed([file("a"), symbolic("b", "../c")]).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ArchiveError);
  expect((error as ArchiveError).message).toStartWith(
    'unsafe archive: entry 2 "b": link to "../c", outside of the archive.',
  );
});
