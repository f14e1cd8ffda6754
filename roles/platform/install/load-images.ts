import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Engine } from "#shared/engine/engine.ts";
import { readJson } from "#shared/json/read-json.ts";

const ImageIndex = Type.Record(Type.String(), Type.Object({ reference: Type.String(), id: Type.String() }));

/** Reads the index that the build wrote into `folder`: the reference and ID of each image of the release, by name. */
export function readImageIndex(folder: string): Static<typeof ImageIndex> {
  const path = join(folder, "index.json");
  if (!existsSync(path)) throw new Error(`${folder} holds no images: build them first (bun run deploy/release.ts)`);
  const index = readJson(readFileSync(path, "utf8"));
  if (!Value.Check(ImageIndex, index)) throw new Error(`${path} is damaged: build the images again`);
  return index;
}

/** Loads the images that the engine does not have yet. Returns each image's ID on this engine, by name. */
export async function loadImages(
  engine: Engine,
  folder: string,
  note: (text: string) => void,
): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  let loaded = 0;
  for (const [name, { reference, id }] of Object.entries(readImageIndex(folder))) {
    const present = await engine.image(reference);
    if (present?.Id !== id) {
      await engine.loadImage(join(folder, `${name}.tar`));
      loaded += 1;
    }
    const found = await engine.image(reference);
    if (!found) throw new Error(`the engine does not know ${reference} after loading it`);
    ids[name] = found.Id;
  }
  note(`${loaded} loaded, ${Object.keys(ids).length - loaded} there already`);
  return ids;
}
