/**
 * `bun run dev [option of up.sh]…` starts a platform on this machine's engine and updates it whenever the sources change.
 * After a change below `roles/` or `shared/` it builds what depends on the change and reloads it. Ctrl-C ends the updates;
 * the platform goes on.
 */
import { join } from "node:path";
import { executablePath } from "./build.ts";
import { prepareRelease } from "./release.ts";
import { reloadOnChange } from "./reload.ts";

const root = join(import.meta.dir, "..");
const options = process.argv.slice(2);
const say = (line: string): void => void process.stderr.write(`dev: ${line}\n`);

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { cwd: root, stdin: "inherit", stdout: "inherit", stderr: "inherit" });
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}`);
}

await run([join(root, "deploy/up.sh"), "--no-demo", ...options]);
// Drops the options that only up.sh knows. All others are options of `platform up`.
const upOptions = options.filter((option) => !["--yes", "--json", "--no-demo"].includes(option));
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ending.abort());
await reloadOnChange({
  root,
  folders: ["roles", "shared"],
  build: () => prepareRelease(["executables", "images"], say),
  reload: () => run([executablePath(root, "platform"), "up", ...upOptions]),
  say,
  signal: ending.signal,
});
say("no longer follows the sources; the platform runs on (./deploy/up.sh --down removes it)");
process.exit(0);
