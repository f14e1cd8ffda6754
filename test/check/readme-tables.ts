import { dirname, join, normalize } from "node:path";
import type { SourceFile } from "./sources.ts";

const firstCell = /^\| `([^`]+)` +\|/gm;
const ownPath = /`((?:roles|shared|deploy|test)\/[^`\s]*)`/g;
const placeholder = /[<>{}*…$]/;
const link = /\]\(([^)\s]+)\)/g;

/**
 * Finds differences between READMEs and folders. Each role's table "Files" must name every file of the role and nothing
 * else; a row that ends in a slash stands for a whole folder. The table of `shared/README.md` must name its folders.
 */
export function* unlikeTables(files: readonly SourceFile[]): Generator<string> {
  const paths = files.map(({ path }) => path);
  const roles = new Set(paths.flatMap((path) => /^roles\/([^/]+)\/main\.ts$/.exec(path)?.[1] ?? []));
  for (const role of roles) {
    const folder = `roles/${role}/`;
    const there = paths.filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length));
    const readme = files.find(({ path }) => path === `${folder}README.md`);
    const table = /^## Files\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(readme?.text ?? "")?.[1];
    if (table === undefined) yield `${folder}README.md: has no table under "## Files"`;
    else
      yield* differences(
        `${folder}README.md`,
        cellsOf(table),
        there.filter((path) => path !== "README.md"),
      );
  }
  const shared = files.find(({ path }) => path === "shared/README.md")?.text ?? "";
  const folders = new Set(paths.flatMap((path) => /^shared\/([^/]+\/)/.exec(path)?.[1] ?? []));
  yield* differences("shared/README.md", cellsOf(shared), [...folders]);
}

function* differences(readme: string, named: readonly string[], there: readonly string[]): Generator<string> {
  const isIn = (path: string, cell: string): boolean => path === cell || (cell.endsWith("/") && path.startsWith(cell));
  for (const path of there.filter((path) => !named.some((cell) => isIn(path, cell))))
    yield `${readme}: its table does not name ${path}`;
  for (const cell of named.filter((cell) => !there.some((path) => isIn(path, cell))))
    yield `${readme}: its table names ${cell}, which is not there`;
}

function cellsOf(table: string): string[] {
  return [...table.matchAll(firstCell)].map((match) => match[1] ?? "");
}

/** Finds links and paths in Markdown files that lead nowhere. Paths with a placeholder (`<role>`, `*`) are not checked. */
export function* deadPaths(files: readonly SourceFile[]): Generator<string> {
  const known = new Set(files.flatMap(({ path }) => [path, ...foldersOf(path)]));
  for (const { path, text } of files.filter((file) => file.path.endsWith(".md"))) {
    const named = [...text.matchAll(ownPath)].map((match) => match[1] ?? "");
    const linked = [...text.matchAll(link)]
      .map((match) => (match[1] ?? "").replace(/#.*$/, ""))
      .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
      .map((target) => normalize(join(dirname(path), target)));
    for (const target of [...named, ...linked]) {
      if (placeholder.test(target) || known.has(target.replace(/\/$/, ""))) continue;
      yield `${path}: ${target} is not there`;
    }
  }
}

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
