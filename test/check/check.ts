/**
 * `bun run check` checks types, lint and format, import boundaries, dead code and tidy rules, all at once. It prints a line
 * for each check. `bun run check --changed` checks the types of all files, but lint, format and tidy rules only for files that
 * differ from `main`.
 */
import { join } from "node:path";
import { changedFiles } from "./changed-files.ts";

const root = join(import.meta.dir, "../..");
const bun = process.execPath;
const bin = join(root, "node_modules/.bin");
const minutes_max = 5;

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

const types: Check = { name: "types", command: ["node", "node_modules/ts7/bin/tsc", "--pretty", "false", "-p", "."] };
const biome = [`${bin}/biome`, "check", "--config-path=.biome.json", "--error-on-warnings", "--no-errors-on-unmatched"];
const folders = ["roles", "shared", "deploy", "test"];
const boundaries = [bun, "--bun", `${bin}/depcruise`, "--config", ".dependency-cruiser.cjs", ...folders];
const tidy = [bun, "run", "test/check/tidy.ts"];

/** The checks that the changed files need. All checks if `changed` is undefined. */
function checksOf(changed: readonly string[] | undefined): Check[] {
  if (changed?.length === 0) return [types];
  if (changed)
    return [
      types,
      { name: "tidy rules", command: [...tidy, ...changed] },
      { name: "lint and format", command: [...biome, ...changed] },
    ];
  return [
    { name: "import boundaries", command: boundaries },
    { name: "dead code", command: [bun, "--bun", `${bin}/knip`, "--no-progress"] },
    types,
    { name: "tidy rules", command: tidy },
    { name: "lint and format", command: [...biome, "."] },
  ];
}

/** Runs a tool to its end. Prints a line with the outcome, and the tool's output if it failed. */
async function passes({ name, command }: Check): Promise<boolean> {
  const started = performance.now();
  const child = Bun.spawn([...command], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
    timeout: minutes_max * 60_000,
    env: { ...process.env, FORCE_COLOR: "0" },
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  process.stdout.write(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)\n`);
  if (code !== 0) process.stdout.write(`${out}${err}\n`);
  return code === 0;
}

const unknown = process.argv.slice(2).filter((word) => word !== "--changed");
if (unknown.length > 0) throw new Error(`check knows --changed, not ${unknown.join(" ")}`);
const checks = checksOf(process.argv.includes("--changed") ? await changedFiles(root) : undefined);
const failed = (await Promise.all(checks.map(passes))).filter((isPassed) => !isPassed).length;
process.stdout.write(`${checks.length - failed} passed, ${failed} failed, 0 skipped\n`);
process.exit(failed === 0 ? 0 : 1);
