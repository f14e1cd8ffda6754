/** Writes `dist/images/<name>.tar`, ready for `docker load`, and `index.json` with their references and IDs; `bun run deploy/images/build.ts [name…]`, all without arguments. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { imageArchive } from "./image-archive.ts";
import { allImages } from "./images.ts";

const root = join(import.meta.dir, "../..");
const folder = join(root, "dist/images");

const revision = Bun.spawnSync(["git", "rev-parse", "HEAD"], { cwd: root }).stdout.toString().trim() || "unknown";
const images = allImages(revision);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !images.some((image) => image.name === name));
if (unknown.length > 0)
  throw new Error(`no such image: ${unknown.join(", ")}; known: ${images.map(({ name }) => name).join(", ")}`);

mkdirSync(folder, { recursive: true });
const indexPath = join(folder, "index.json");
const index: Record<string, { reference: string; id: string }> = existsSync(indexPath)
  ? JSON.parse(readFileSync(indexPath, "utf8"))
  : {};
for (const image of images) {
  if (asked.length > 0 && !asked.includes(image.name)) continue;
  const { archive, id } = await imageArchive(image.reference, image.entries(), image.config);
  const path = join(folder, `${image.name}.tar`);
  writeFileSync(`${path}.new`, archive);
  renameSync(`${path}.new`, path);
  index[image.name] = { reference: image.reference, id };
  process.stdout.write(`${image.reference.padEnd(28)} ${(archive.length / 1e6).toFixed(1).padStart(6)} MB\n`);
}
writeFileSync(indexPath, `${JSON.stringify(index, null, 2)}\n`);
