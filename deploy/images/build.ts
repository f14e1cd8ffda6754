/**
 * `bun run deploy/images/build.ts [name…]` builds the named images, or all images, if they are stale. It writes them to
 * `dist/images/<name>.tar` for `docker load`, and their references and IDs to `index.json`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf, makeUnlessFresh, originOf } from "../built.ts";
import { commitOf } from "../commit.ts";
import { type ImageEntry, imageArchive } from "./image-archive.ts";
import { allImages, entriesOf, type ImagePlan } from "./images.ts";

const root = join(import.meta.dir, "../..");
const folder = join(root, "dist/images");
const indexPath = join(folder, "index.json");

/** Builds the images whose executable, files or recipe changed. @returns their references and sizes in bytes */
export async function buildImages(asked: readonly string[]): Promise<{ reference: string; bytes: number }[]> {
  const ownCommit = await commitOf(root, ["deploy/images", "package.json", "bun.lock"]);
  const images = allImages((name) => originOf(join(root, "dist", `platform-${name}`))?.commit ?? ownCommit);
  const unknown = asked.filter((name) => !images.some((image) => image.name === name));
  if (unknown.length > 0)
    throw new Error(`no such image: ${unknown.join(", ")}; known: ${images.map(({ name }) => name).join(", ")}`);
  mkdirSync(folder, { recursive: true });
  const made: { reference: string; bytes: number }[] = [];
  for (const image of images) {
    if (asked.length > 0 && !asked.includes(image.name)) continue;
    const path = join(folder, `${image.name}.tar`);
    if (!(image.name in readIndex())) rmSync(path, { force: true });
    const origin = { key: keyOf(image), commit: image.config.Labels["org.opencontainers.image.revision"] ?? "" };
    await makeUnlessFresh(path, origin, async () => {
      made.push({ reference: image.reference, bytes: await write(image, path) });
    });
  }
  return made;
}

/** The paths of the files that `platform up` loads images from. */
export function imagePaths(): string[] {
  return [indexPath, ...Object.keys(readIndex()).map((name) => join(folder, `${name}.tar`))];
}

async function write(image: ImagePlan, path: string): Promise<number> {
  const { archive, id } = await imageArchive(image.reference, entriesOf(image), image.config);
  writeFileSync(`${path}.new`, archive);
  renameSync(`${path}.new`, path);
  const index = { ...readIndex(), [image.name]: { reference: image.reference, id } };
  writeFileSync(indexPath, `${JSON.stringify(index, null, 2)}\n`);
  return archive.length;
}

/** Reads the index of the images that `platform up` loads, by name. An image that is not listed is built again. */
function readIndex(): Record<string, object> {
  return existsSync(indexPath) ? JSON.parse(readFileSync(indexPath, "utf8")) : {};
}

/**
 * Digest of all that an image depends on. For its executable the digest of the sources counts, not its bytes: to read a
 * gigabyte of executables would take longer than everything else.
 */
function keyOf({ reference, config, executable, foundation }: ImagePlan): string {
  const recipe = readdirSync(import.meta.dir).sort();
  const origin = executable && originOf(executable.from);
  if (executable && !origin) throw new Error(`${executable.from} is not built: bun run build`);
  return digestOf([
    ...recipe.flatMap((name) => [name, readFileSync(join(import.meta.dir, name))]),
    reference,
    JSON.stringify(config),
    origin?.key ?? "",
    ...foundation().flatMap(partsOf),
  ]);
}

function partsOf({ body, ...entry }: ImageEntry): (string | Uint8Array)[] {
  return [JSON.stringify(entry), body ?? ""];
}

if (import.meta.main) {
  for (const { reference, bytes } of await buildImages(process.argv.slice(2)))
    process.stdout.write(`${reference.padEnd(28)} ${(bytes / 1e6).toFixed(1).padStart(6)} MB\n`);
}
