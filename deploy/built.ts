/** Records what each result was built from, in a small file beside the result. So only stale results are built again. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface Origin {
  /** Digest of all that the result depends on. */
  readonly key: string;
  /** The commit that the result names as its own. */
  readonly commit: string;
}

const originPath = (result: string): string => join(dirname(result), ".origins", `${basename(result)}.json`);

/** What the file `result` was built from. Undefined: the file is missing, or its build never finished. */
export function originOf(result: string): Origin | undefined {
  const path = originPath(result);
  if (!existsSync(result) || !existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, "utf8")) as Origin;
}

/** Builds `result` with `make`, unless it was already built from `origin`. @returns whether it was built */
export async function makeUnlessFresh(result: string, origin: Origin, make: () => Promise<void>): Promise<boolean> {
  const known = originOf(result);
  if (known?.key === origin.key && known.commit === origin.commit) return false;
  const path = originPath(result);
  mkdirSync(dirname(path), { recursive: true });
  // The record goes first, so that the result of an interrupted build counts as missing.
  rmSync(path, { force: true });
  await make();
  writeFileSync(path, JSON.stringify(origin));
  return true;
}

/** Digest of a list of texts and bytes. Lists with other boundaries between the parts have other digests. */
export function digestOf(parts: Iterable<string | Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
}
