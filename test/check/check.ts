/** `bun run check`: types, lint and format, import boundaries, dead code, tidy rules; the first line of each says how it went. */
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const bun = process.execPath;
const bin = join(root, "node_modules/.bin");

const checks: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: "types", command: ["node", "node_modules/ts7/bin/tsc", "--pretty", "false", "-p", "."] },
  {
    name: "lint and format",
    command: [`${bin}/biome`, "check", "--config-path=.biome.json", "--error-on-warnings", "."],
  },
  {
    name: "import boundaries",
    command: [
      bun,
      "--bun",
      `${bin}/depcruise`,
      "--config",
      ".dependency-cruiser.cjs",
      "roles",
      "shared",
      "deploy",
      "test",
    ],
  },
  { name: "dead code", command: [bun, "--bun", `${bin}/knip`, "--no-progress"] },
  { name: "tidy rules", command: [bun, "run", "test/check/tidy.ts"] },
];

const minutes_max = 5;
let failed = 0;
for (const { name, command } of checks) {
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
  process.stdout.write(
    `${code === 0 ? "ok    " : "FAILED"} ${name} (${((performance.now() - started) / 1_000).toFixed(1)} s)\n`,
  );
  if (code === 0) continue;
  failed += 1;
  process.stdout.write(`${out}${err}\n`);
}
process.stdout.write(`${checks.length - failed} passed, ${failed} failed, 0 skipped\n`);
process.exit(failed === 0 ? 0 : 1);
