/** Compiles the roles and makes their images where their sources changed since the last time; `bun run deploy/release.ts [executables|images]`. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const stamp = join(root, "dist/.built");
const sources = ["roles", "shared", "deploy", "package.json", "bun.lock", "tsconfig.json"];

export type ReleasePart = "executables" | "images";

const steps: readonly { readonly part: ReleasePart; readonly script: string }[] = [
  { part: "executables", script: "deploy/build.ts" },
  { part: "images", script: "deploy/images/build.ts" },
];

/** Makes what is stale of `parts`, in order; `say` gets a line a part made. */
export async function prepareRelease(parts: readonly ReleasePart[], say: (line: string) => void): Promise<void> {
  const fingerprint = fingerprintOf();
  const made = new Set(
    (existsSync(stamp) ? readFileSync(stamp, "utf8").split("\n") : []).filter((line) => line.endsWith(fingerprint)),
  );
  for (const { part, script } of steps) {
    if (!parts.includes(part) || made.has(`${part} ${fingerprint}`)) continue;
    const started = performance.now();
    await run(part, script);
    made.add(`${part} ${fingerprint}`);
    mkdirSync(join(root, "dist"), { recursive: true });
    writeFileSync(stamp, [...made].map((line) => `${line}\n`).join(""));
    say(`${part} built in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  }
}

async function run(part: ReleasePart, script: string): Promise<void> {
  const child = Bun.spawn([process.execPath, "run", script], { cwd: root, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`the ${part} do not build:\n${out}${err}`);
}

/** Of the commit (the executables carry it) and of every source file that goes into the build. */
function fingerprintOf(): string {
  const git = (...args: string[]): string => Bun.spawnSync(["git", ...args], { cwd: root }).stdout.toString();
  const hash = createHash("sha256").update(git("rev-parse", "HEAD"));
  const files = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...sources).split("\0");
  for (const file of [...new Set(files)].sort()) {
    const path = join(root, file);
    if (file === "" || !existsSync(path) || !statSync(path).isFile()) continue;
    hash.update(`${file}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

if (import.meta.main) {
  const asked = process.argv.slice(2) as ReleasePart[];
  await prepareRelease(asked.length > 0 ? asked : steps.map(({ part }) => part), (line) =>
    process.stderr.write(`${line}\n`),
  );
}
