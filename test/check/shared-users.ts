import { dirname, join } from "node:path";
import ts from "typescript";
import type { SourceFile } from "./sources.ts";

/** Files of `shared/` that only one role uses today, with the reason why they stay there. */
const exceptions: Readonly<Record<string, string>> = {
  "shared/weights/aggregate.ts": "whoever verifies a vector recomputes it from the published inputs",
};

/**
 * Finds files of `shared/` that fewer than two roles use, directly or through another file of `shared/`. A file that only
 * one role needs belongs to that role.
 */
export function* sharedUsers(
  files: readonly SourceFile[],
  allowed: Readonly<Record<string, string>> = exceptions,
): Generator<string> {
  const imports = new Map(files.map((file) => [file.path, importsOf(file)]));
  const users = new Map<string, Set<string>>();
  const use = (path: string, user: string): void => {
    for (const imported of imports.get(path) ?? []) {
      if (!imported.startsWith("shared/")) continue;
      const known = users.get(imported) ?? new Set();
      users.set(imported, known);
      if (known.has(user)) continue;
      known.add(user);
      use(imported, user);
    }
  };
  for (const { path } of files) {
    const user = /^roles\/([^/]+)\//.exec(path)?.[1] ?? /^(deploy)\//.exec(path)?.[1];
    if (user) use(path, user);
  }
  for (const { path } of files) {
    if (!path.startsWith("shared/") || path.endsWith(".d.ts")) continue;
    const own = [...(users.get(path) ?? [])];
    if (own.length < 2 && !(path in allowed))
      yield `${path}: ${own[0] ? `only ${own[0]} uses it: it belongs there` : "no role uses it"}`;
    if (own.length >= 2 && path in allowed) yield `${path}: ${own.join(" and ")} use it: it is no exception any more`;
  }
}

/** The files of the project that a file imports, also for types only. */
function importsOf({ path, text }: SourceFile): string[] {
  return ts.preProcessFile(text, true, true).importedFiles.flatMap(({ fileName }) => {
    if (fileName.startsWith("#shared/")) return [fileName.slice(1)];
    return fileName.startsWith(".") ? [join(dirname(path), fileName)] : [];
  });
}
