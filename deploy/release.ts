/** Compiles the roles and makes the images whose sources changed since the last time; `bun run deploy/release.ts [executables|images]…`. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildRoles, executablePath, rolesToBuild } from "./build.ts";
import { digestOf } from "./built.ts";
import { buildImages, imagePaths } from "./images/build.ts";

const root = join(import.meta.dir, "..");
const sources = ["roles", "shared", "deploy", "package.json", "bun.lock", "tsconfig.json"];

export type ReleasePart = "executables" | "images";

interface Step {
  readonly part: ReleasePart;
  /** The files that it makes, as far as they are known before. */
  results(): readonly string[];
  /** Answers the names of what it had to make. */
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

/** Makes what is stale of `parts`, in order, and answers its names; `say` gets a line a part that was made. */
export async function prepareRelease(
  parts: readonly ReleasePart[],
  say: (line: string) => void,
): Promise<readonly string[]> {
  const all: string[] = [];
  const state = stateOfSources();
  for (const { part, results, make } of steps) {
    const stamp = join(root, "dist", `.${part}`);
    // Nothing changed at all: then nobody need ask what depends on what, which takes a second.
    if (!parts.includes(part) || (read(stamp) === state && results().every((path) => existsSync(path)))) continue;
    const started = performance.now();
    const made = await make();
    writeFileSync(stamp, state);
    if (made.length === 0) continue;
    all.push(...made);
    say(`${part} built in ${((performance.now() - started) / 1_000).toFixed(1)} s: ${made.join(", ")}`);
  }
  return all;
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** Of the commit, and of every file that may go into the build. */
function stateOfSources(): string {
  const git = (...words: string[]): string => Bun.spawnSync(["git", ...words], { cwd: root }).stdout.toString();
  const listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...sources).split("\0");
  const files = [...new Set(listed)].sort().filter((path) => path !== "" && isFile(join(root, path)));
  return digestOf([git("rev-parse", "HEAD"), ...files.flatMap((path) => [path, readFileSync(join(root, path))])]);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

if (import.meta.main) {
  const asked = process.argv.slice(2) as ReleasePart[];
  await prepareRelease(asked.length > 0 ? asked : steps.map(({ part }) => part), (line) =>
    process.stderr.write(`${line}\n`),
  );
}
