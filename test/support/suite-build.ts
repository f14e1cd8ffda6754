import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectRoot, type SuiteRun } from "./suite-list.ts";

const built = ["roles", "shared", "deploy", "package.json", "bun.lock", "tsconfig.json"];
const stamp = join(projectRoot, "dist/.built");

/** Compiles the roles and makes their images, once, where a suite needs them and their sources changed. */
export async function prepareBuild(runs: readonly SuiteRun[]): Promise<void> {
  const needs = new Set(runs.flatMap((run) => run.needs));
  if (needs.size === 0 || !existsSync(join(projectRoot, "roles"))) return;
  const fingerprint = fingerprintOf();
  const done = existsSync(stamp) ? readFileSync(stamp, "utf8").split("\n") : [];
  const steps: { name: string; command: string[] }[] = [];
  const isFresh = (what: string): boolean => done.includes(`${what} ${fingerprint}`);
  if (needs.has("executables") && !isFresh("executables"))
    steps.push({ name: "executables", command: ["run", "build"] });
  const images = "deploy/images/build.ts";
  if (needs.has("images") && !isFresh("images") && existsSync(join(projectRoot, images)))
    steps.push({ name: "images", command: ["run", images] });
  const fresh = ["executables", "images"].filter(isFresh);
  for (const { name, command } of steps) {
    await build(name, command);
    fresh.push(name);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, fresh.map((what) => `${what} ${fingerprint}\n`).join(""));
}

async function build(name: string, command: readonly string[]): Promise<void> {
  const started = performance.now();
  const child = Bun.spawn([process.execPath, ...command], { cwd: projectRoot, stdout: "pipe", stderr: "pipe" });
  const [out, err, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1).padStart(6);
  if (exitCode !== 0) throw new Error(`the ${name} do not build:\n${out}${err}`);
  process.stdout.write(`${name.padEnd(14)} ${seconds} s  built\n`);
}

/** Of the commit (the executables carry it) and of every source file that goes into the build. */
function fingerprintOf(): string {
  const git = (...args: string[]): string => Bun.spawnSync(["git", ...args], { cwd: projectRoot }).stdout.toString();
  const hash = createHash("sha256").update(git("rev-parse", "HEAD"));
  const files = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...built).split("\0");
  for (const file of [...new Set(files)].sort()) {
    const path = join(projectRoot, file);
    if (file === "" || !existsSync(path) || !statSync(path).isFile()) continue;
    hash.update(`${file}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}
