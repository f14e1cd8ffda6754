import { relative, resolve } from "node:path";

/** Bundler options. This file and the compilation share them, so that both find the same files. */
export const bundlerOptions = {
  // An optional native part of ssh2. dockerode depends on ssh2, but we never use it.
  external: ["cpu-features"],
} as const;

/** Files that every executable depends on: the compiler's options and the versions of dependencies. */
const commonInputs = ["deploy/build.ts", "deploy/role-inputs.ts", "package.json", "bun.lock", "tsconfig.json"];

/**
 * The tracked files that each role's executable is made from, as sorted paths relative to `root`. The bundler finds them:
 * code, pages, styles, migrations, and everything else that is imported. `bun.lock` stands for the dependencies.
 */
export async function inputsOfRoles(root: string, roles: readonly string[]): Promise<Map<string, string[]>> {
  const mainOf = (role: string): string => `roles/${role}/main.ts`;
  const { metafile, logs } = await Bun.build({
    entrypoints: roles.map((role) => resolve(root, mainOf(role))),
    root,
    target: "bun",
    metafile: true,
    minify: true,
    external: [...bundlerOptions.external],
    throw: false,
  });
  if (!metafile) throw new Error(`the roles do not bundle:\n${logs.join("\n")}`);
  const ownPath = (path: string): string => relative(root, resolve(path));
  const imports = new Map<string, string[]>();
  for (const [path, input] of Object.entries(metafile.inputs)) {
    imports.set(
      ownPath(path),
      input.imports.filter(({ external }) => !external).map((found) => ownPath(found.path)),
    );
  }
  return new Map(roles.map((role) => [role, [...reachable(mainOf(role), imports), ...commonInputs].sort()]));
}

function reachable(start: string, imports: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set([start]);
  for (const path of found)
    for (const next of imports.get(path) ?? []) if (!next.includes("node_modules/")) found.add(next);
  for (const path of commonInputs) found.delete(path);
  return found;
}
