import { describe, expect, test } from "bun:test";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar-stream";
import { imageArchive } from "../../../deploy/images/image-archive.ts";
import { allImages, entriesOf } from "../../../deploy/images/images.ts";

interface Member {
  readonly mode: number;
  readonly uid: number;
  readonly type: string;
  readonly body: Buffer;
}

async function members(archive: Buffer): Promise<Map<string, Member>> {
  const found = new Map<string, Member>();
  const reader = extract();
  reader.end(archive);
  for await (const entry of reader) {
    const body = Buffer.concat(await Array.fromAsync(entry as AsyncIterable<Buffer>));
    const { name, mode = 0, uid = 0, type = "" } = entry.header;
    found.set(name, { mode, uid, type: type ?? "", body });
  }
  return found;
}

async function layerOf({ archive }: { archive: Buffer }): Promise<Map<string, Member>> {
  const layer = (await members(archive)).get("layer.tar");
  if (!layer) throw new Error("no layer");
  return await members(layer.body);
}

const config = { Env: [], WorkingDir: "/", Labels: {} };

describe("an image archive", () => {
  test("is a function of its contents alone, in whatever order they are given", async () => {
    const entries = [
      { path: "/b/c", body: Buffer.from("1") },
      { path: "/a", body: Buffer.from("2"), mode: 0o755 },
    ];
    const first = await imageArchive("x:1", entries, config);
    const second = await imageArchive("x:1", entries.toReversed(), config);
    expect(second.archive.equals(first.archive)).toBe(true);
  });

  test("holds each directory on the way before what is in it", async () => {
    const layer = await layerOf(await imageArchive("x:1", [{ path: "/a/b/c", body: Buffer.from("1") }], config));
    expect([...layer.keys()]).toEqual(["a/", "a/b/", "a/b/c"]);
  });
});

describe("the images of a release", () => {
  test("of roles hold the executable, its libraries and certificates, a user, and no shell", async () => {
    const images = allImages(() => "0123456789abcdef").filter(({ config }) =>
      config.Entrypoint?.[0]?.includes("/platform-"),
    );
    expect(images.length).toBeGreaterThan(0);
    for (const image of images) {
      const archive = await imageArchive(image.reference, entriesOf(image), image.config);
      const layer = await layerOf(archive);
      const executable = `usr/local/bin/platform-${image.name}`;
      const files = [...layer].filter(([, { type }]) => type === "file").map(([name]) => name);
      expect(files).toContain(executable);
      expect(files.filter((name) => name.startsWith("lib"))).not.toBeEmpty();
      expect(files.filter((name) => /(^|\/)(sh|bash|busybox|apt|dpkg)$/.test(name))).toEqual([]);
      expect(layer.get("data/")).toMatchObject({ uid: 65_532, mode: 0o750 });
      expect(layer.get("tmp/")?.mode).toBe(0o1777);
      expect(image.config.User).toBe("65532:65532");
      expect(image.config.Labels["org.opencontainers.image.revision"]).toBe("0123456789abcdef");
      const size = statSync(join(import.meta.dir, "../../../dist", `platform-${image.name}`)).size;
      expect(archive.archive.length).toBeLessThan(1.1 * size);
    }
  });

  test("of the database and of jobs have a static shell", async () => {
    const images = allImages(() => "r").filter(({ name }) => ["postgres", "demo-job"].includes(name));
    expect(images).toHaveLength(2);
    for (const image of images) {
      const layer = await layerOf(await imageArchive(image.reference, entriesOf(image), image.config));
      expect(layer.get("bin/sh")?.type).toBe("symlink");
      const folder = mkdtempSync(join(tmpdir(), "platform-image-"));
      const busybox = layer.get("bin/busybox")?.body;
      if (!busybox) throw new Error("no busybox");
      writeFileSync(join(folder, "busybox"), busybox, { mode: 0o755 });
      expect(Bun.spawnSync(["ldd", join(folder, "busybox")]).exitCode).not.toBe(0);
    }
  });
});
