/** `bun run deploy/release.ts [executables|images]…` compiles the roles and builds the images if their sources changed. */
import { join } from "node:path";
import { buildRoles, executablePath, rolesToBuild } from "./build.ts";
import { buildImages, imagePaths } from "./images/build.ts";
import { makeUnlessUnchanged, stateOfSources } from "./source-state.ts";

const root = join(import.meta.dir, "..");

export type ReleasePart = "executables" | "images";

interface Step {
  readonly part: ReleasePart;
  /** The paths of the files that it makes, as far as they are known before it runs. */
  results(): readonly string[];
  /** Builds what is stale. @returns the names of what it built */
  make(): Promise<readonly string[]>;
}

const steps: readonly Step[] = [
  {
    part: "executables",
    results: () => rolesToBuild(root, []).map((role) => executablePath(root, role)),
    make: () => buildRoles(root, rolesToBuild(root, [])),
  },
  {
    part: "images",
    results: imagePaths,
    make: async () => (await buildImages([])).map(({ reference }) => reference),
  },
];

/**
 * Builds the stale parts, in the order of `parts`. `say` gets a line for each part that was built.
 *
 * @returns the names of what was built
 */
export async function prepareRelease(
  parts: readonly ReleasePart[],
  say: (line: string) => void,
): Promise<readonly string[]> {
  const all: string[] = [];
  const state = stateOfSources(root);
  for (const { part, results, make } of steps) {
    if (!parts.includes(part)) continue;
    const started = performance.now();
    const last = { stamp: join(root, "dist", `.${part}`), state, results: results() };
    const made = await makeUnlessUnchanged(last, make);
    if (made.length === 0) continue;
    all.push(...made);
    say(`${part} built in ${((performance.now() - started) / 1_000).toFixed(1)} s: ${made.join(", ")}`);
  }
  return all;
}

if (import.meta.main) {
  const asked = process.argv.slice(2) as ReleasePart[];
  await prepareRelease(asked.length > 0 ? asked : steps.map(({ part }) => part), (line) =>
    process.stderr.write(`${line}\n`),
  );
}
