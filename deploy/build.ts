/** Compiles roles to `dist/platform-<role>`; `bun run build [role…]`, all without arguments. Same commit, same bytes. */
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";

const root = join(import.meta.dir, "..");
const outFolder = join(root, "dist");

const flags = [
  "--compile",
  "--production",
  "--minify",
  "--sourcemap=linked",
  "--bytecode",
  "--format=esm",
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--target=bun-linux-x64",
  // An optional native part of ssh2, which dockerode brings and we never use.
  "--external=cpu-features",
  // CommonJS packages would otherwise carry the build folder's path, and two clones would differ.
  '--define=__dirname="/app"',
  '--define=__filename="/app/x.js"',
];

function rolesToBuild(): string[] {
  const known = readdirSync(join(root, "roles")).filter((role) => existsSync(join(root, "roles", role, "main.ts")));
  const asked = process.argv.slice(2);
  const unknown = asked.filter((role) => !known.includes(role));
  if (unknown.length > 0) throw new Error(`no such role: ${unknown.join(", ")}; known: ${known.join(", ")}`);
  return asked.length > 0 ? asked : known;
}

function gitCommit(): string {
  const { stdout, exitCode } = Bun.spawnSync(["git", "rev-parse", "--short=12", "HEAD"], { cwd: root });
  return exitCode === 0 ? stdout.toString().trim() : "unknown";
}

async function build(role: string, commit: string): Promise<string> {
  const outfile = join(outFolder, `platform-${role}`);
  const child = Bun.spawn(
    [
      process.execPath,
      "build",
      ...flags,
      `--define=BUILD_COMMIT="${commit}"`,
      `--outfile=${outfile}`,
      `roles/${role}/main.ts`,
    ],
    { cwd: root, stdout: "pipe", stderr: "pipe" },
  );
  if ((await child.exited) !== 0)
    throw new Error(`${role} does not compile:\n${await new Response(child.stderr).text()}`);
  return outfile;
}

/** Milliseconds from exec to exit of `--version`, the quickest of three: the first pays for a cold file cache. */
function startMs(executable: string): number {
  const times = [1, 2, 3].map(() => {
    const begin = performance.now();
    const { exitCode } = Bun.spawnSync([executable, "--version"], { env: { NODE_ENV: "production" } });
    if (exitCode !== 0) throw new Error(`${basename(executable)} --version exits with ${exitCode}`);
    return performance.now() - begin;
  });
  return Math.round(Math.min(...times));
}

mkdirSync(outFolder, { recursive: true });
const commit = gitCommit();
for (const role of rolesToBuild()) {
  const executable = await build(role, commit);
  const megabytes = (statSync(executable).size / 1e6).toFixed(1);
  process.stdout.write(
    `${basename(executable).padEnd(22)} ${megabytes.padStart(6)} MB  starts in ${startMs(executable)} ms\n`,
  );
}
