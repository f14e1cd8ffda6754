import { createHash } from "node:crypto";
import { type Header, pack } from "tar-stream";

/** A file, directory or link of an image. Its user ID and group ID are the same number. */
export interface ImageEntry {
  /** Absolute path inside the image. The path of a directory ends with a slash. */
  readonly path: string;
  readonly mode?: number;
  readonly owner?: number;
  readonly body?: Uint8Array;
  readonly linkTo?: string;
}

export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env: readonly string[];
  readonly User?: string;
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
}

const epoch = "1970-01-01T00:00:00Z";

/**
 * Makes an image of one layer, in the format that `docker load` reads, without an engine. Equal contents give equal bytes,
 * so the image has the same ID on every node that loads it.
 */
export async function imageArchive(
  reference: string,
  entries: readonly ImageEntry[],
  config: ImageConfig,
): Promise<{ readonly archive: Buffer; readonly id: string }> {
  const layer = await tar(withParents(entries).map(headerOf));
  const imageConfig = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    created: epoch,
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: epoch, created_by: "deploy/images" }],
  });
  const digest = sha256(imageConfig);
  const configName = `${digest}.json`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [reference], Layers: ["layer.tar"] }]);
  const archive = await tar([
    { header: { name: configName }, body: Buffer.from(imageConfig) },
    { header: { name: "layer.tar" }, body: layer },
    { header: { name: "manifest.json" }, body: Buffer.from(manifest) },
  ]);
  return { archive, id: `sha256:${digest}` };
}

/**
 * Adds the parent directories that are missing, owned by root and readable by all. Sorted by path, so a directory
 * precedes its contents.
 */
function withParents(entries: readonly ImageEntry[]): ImageEntry[] {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    const parts = path.split("/").filter((part) => part !== "");
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = `/${parts.slice(0, depth).join("/")}/`;
      if (!byPath.has(parent)) byPath.set(parent, { path: parent, mode: 0o755 });
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface TarEntry {
  readonly header: Partial<Header> & { readonly name: string };
  readonly body: Uint8Array;
}

function headerOf({ path, mode, owner = 0, body, linkTo }: ImageEntry): TarEntry {
  const type: Header["type"] = linkTo ? "symlink" : path.endsWith("/") ? "directory" : "file";
  const header = {
    name: path.slice(1),
    type,
    mode: mode ?? (type === "file" ? 0o644 : 0o755),
    uid: owner,
    gid: owner,
  };
  return { header: linkTo ? { ...header, linkname: linkTo } : header, body: body ?? new Uint8Array() };
}

async function tar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  const bytes = Array.fromAsync(archive as AsyncIterable<Buffer>);
  for (const { header, body } of entries)
    archive.entry({ ...header, mtime: new Date(0) }, Buffer.from(body.buffer, body.byteOffset, body.length));
  archive.finalize();
  return Buffer.concat(await bytes);
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
