import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { pack } from "tar-stream";

/** The reference under which nodes know the lab's job image: a static busybox and nothing else. */
export const jobImageName = "lab/busybox:1";

const busyboxPaths = ["/bin/busybox", "/usr/bin/busybox"];
const applets =
  "sh cat cmp echo env false head httpd id ip ls mkdir nc nslookup printf rm sha256sum sleep stat timeout tr true wget".split(
    " ",
  );

/** The image as a `docker load` archive. Its bytes, and so its ID, depend only on the busybox. */
export async function buildJobImage(): Promise<Uint8Array> {
  const path = busyboxPaths.find((candidate) => existsSync(candidate));
  if (!path) throw new Error("no busybox: apt-get install busybox-static");
  const busybox = readFileSync(path);
  // PT_INTERP, the request for a dynamic loader, names it by its path.
  if (busybox.includes("/lib64/ld-linux")) throw new Error(`${path} is not static: apt-get install busybox-static`);
  const layer = await tar([
    { name: "bin/", mode: 0o755 },
    { name: "bin/busybox", mode: 0o755, body: busybox },
    ...applets.map((applet) => ({ name: `bin/${applet}`, linkname: "busybox" })),
    { name: "tmp/", mode: 0o1777 },
  ]);
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: { Env: ["PATH=/bin"], Cmd: ["sh"], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: "lab" }],
  });
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: [jobImageName], Layers: ["layer.tar"] }];
  return await tar([
    { name: configName, mode: 0o644, body: Buffer.from(config) },
    { name: "layer.tar", mode: 0o644, body: layer },
    { name: "manifest.json", mode: 0o644, body: Buffer.from(JSON.stringify(manifest)) },
  ]);
}

const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

interface Entry {
  readonly name: string;
  readonly mode?: number;
  readonly body?: Buffer;
  readonly linkname?: string;
}

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, mode = 0o777, body, linkname } of entries) {
    const type = linkname ? "symlink" : name.endsWith("/") ? "directory" : "file";
    const header = { name, mode, type, mtime: new Date(0), uid: 0, gid: 0, ...(linkname ? { linkname } : {}) } as const;
    archive.entry(header, body ?? Buffer.alloc(0));
  }
  archive.finalize();
  return Buffer.concat(await Array.fromAsync(archive as AsyncIterable<Buffer>));
}
