/**
 * `bun run build [role…]` compiles the named roles, or all roles, to `dist/platform-<role>` if their sources changed. Equal
 * sources and history give equal bytes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { digestOf, makeUnlessFresh } from "./built.ts";
import { commitOf } from "./commit.ts";
import { bundlerOptions, inputsOfRoles } from "./role-inputs.ts";

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
  ...bundlerOptions.external.map((name) => `--external=${name}`),
  // Without these, CommonJS packages contain the path of the build folder, and the bytes of two clones differ.
  '--define=__dirname="/app"',
  '--define=__filename="/app/x.js"',
];

/**
 * The roles to build: `asked`, or all roles of the project in `root` if `asked` is empty.
 *
 * @throws Error that names an unknown role
 */
export function rolesToBuild(root: string, asked: readonly string[]): string[] {
  const known = readdirSync(join(root, "roles")).filter((role) => existsSync(join(root, "roles", role, "main.ts")));
  const unknown = asked.filter((role) => !known.includes(role));
  if (unknown.length > 0) throw new Error(`no such role: ${unknown.join(", ")}; known: ${known.join(", ")}`);
  return asked.length > 0 ? [...asked] : known.sort();
}

/** The path of a role's executable. */
export function executablePath(root: string, role: string): string {
  return join(root, "dist", `platform-${role}`);
}

/** Compiles those of `roles` whose inputs changed, as many at a time as there are cores. @returns the compiled roles */
export async function buildRoles(root: string, roles: readonly string[]): Promise<string[]> {
  mkdirSync(join(root, "dist"), { recursive: true });
  const inputs = await inputsOfRoles(root, roles);
  const built = new Set<string>();
  const waiting = [...inputs];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [role, files] = next;
      const commit = await commitOf(root, files);
      const contents = files.flatMap((path) => [
        path,
        existsSync(join(root, path)) ? readFileSync(join(root, path)) : "",
      ]);
      const key = digestOf([Bun.version, commit, ...contents]);
      const isMade = await makeUnlessFresh(executablePath(root, role), { key, commit }, () =>
        compile(root, role, commit),
      );
      if (isMade) built.add(role);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return roles.filter((role) => built.has(role));
}

async function compile(root: string, role: string, commit: string): Promise<void> {
  const child = Bun.spawn(
    [
      process.execPath,
      "build",
      ...flags,
      `--define=BUILD_COMMIT="${commit}"`,
      `--outfile=${executablePath(root, role)}`,
      `roles/${role}/main.ts`,
    ],
    { cwd: root, stdout: "ignore", stderr: "pipe" },
  );
  const [said, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode !== 0) throw new Error(`${role} does not compile:\n${said}`);
}

/** Milliseconds from exec to exit of `--version`, the quickest of three runs, because the first one fills the file cache. */
function startMs(executable: string): number {
  const times = [1, 2, 3].map(() => {
    const begin = performance.now();
    const { exitCode } = Bun.spawnSync([executable, "--version"], { env: { NODE_ENV: "production" } });
    if (exitCode !== 0) throw new Error(`${basename(executable)} --version exits with ${exitCode}`);
    return performance.now() - begin;
  });
  return Math.round(Math.min(...times));
}

if (import.meta.main) {
  const root = join(import.meta.dir, "..");
  const roles = rolesToBuild(root, process.argv.slice(2));
  const built = await buildRoles(root, roles);
  for (const role of roles) {
    const executable = executablePath(root, role);
    const megabytes = (statSync(executable).size / 1e6).toFixed(1);
    const line = `${basename(executable).padEnd(22)} ${megabytes.padStart(6)} MB`;
    process.stdout.write(
      built.includes(role) ? `${line}  starts in ${startMs(executable)} ms\n` : `${line}  as it was\n`,
    );
  }
}
