import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "./built.ts";

const sources = ["roles", "shared", "deploy", "package.json", "bun.lock", "tsconfig.json"];

/** Digest of the present commit and of every file that may go into the build, also of files that are not committed. */
export function stateOfSources(root: string): string {
  const git = (...words: string[]): string => Bun.spawnSync(["git", ...words], { cwd: root }).stdout.toString();
  const listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...sources).split("\0");
  const files = [...new Set(listed)].sort().filter((path) => path !== "" && isFile(join(root, path)));
  return digestOf([git("rev-parse", "HEAD"), ...files.flatMap((path) => [path, readFileSync(join(root, path))])]);
}

export interface LastRun {
  /** The file that holds the state of the last successful run. */
  readonly stamp: string;
  readonly state: string;
  /** The files that must exist for the last run to count. */
  readonly results: readonly string[];
}

/**
 * Calls `make` unless no source changed since its last success. This saves the second that it takes to find out which result
 * depends on which source.
 *
 * @returns the names of what `make` built
 */
export async function makeUnlessUnchanged(
  { stamp, state, results }: LastRun,
  make: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const last = existsSync(stamp) ? readFileSync(stamp, "utf8") : undefined;
  if (last === state && results.every((path) => existsSync(path))) return [];
  const made = await make();
  writeFileSync(stamp, state);
  return made;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
