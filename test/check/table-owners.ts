import type { SourceFile } from "./sources.ts";

/** A row of the section "Table owners" in roles/README.md. */
interface Owned {
  readonly table: string;
  readonly owner: string;
  /** Files of shared/database that contain statements on the table. */
  readonly files: readonly string[];
  /** Roles besides the owner that write the table through these files. */
  readonly others: readonly string[];
}

/** Roles that have a database of their own: their SQL is not checked. */
const elsewhere = new Set(["challenge", "devchain"]);

/** Reads the section "Table owners" of roles/README.md. */
export function tableOwners(readme: string): Owned[] {
  const section = readme.split("## Table owners")[1]?.split("\n## ")[0] ?? "";
  const names = (cell: string) => [...cell.matchAll(/`([\w.-]+)`/g)].map(([, name = ""]) => name);
  return [...section.matchAll(/^\| `(\w+)`\s*\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)].map(
    ([, table = "", owner = "", files = "", others = ""]) => ({
      table,
      owner: names(owner)[0] ?? "",
      files: files.trim().startsWith("(") ? [] : names(files),
      others: names(others),
    }),
  );
}

/** The tables that the migrations create. */
export function tablesOf(migrations: readonly string[]): string[] {
  return migrations.flatMap((sql) => [...sql.matchAll(/^create table (\w+)/gm)].map(([, name = ""]) => name));
}

/** Finds differences between the list and the sources. */
export function* ownerFaults(owners: readonly Owned[], files: readonly SourceFile[]): Generator<string> {
  const sources = files.map((file) => ({ ...file, code: file.text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "") }));
  for (const { table, owner, files: own, others } of owners) {
    const inRoles = sources.filter(({ path }) => /^roles\//.test(path) && !elsewhere.has(roleOf(path)));
    for (const { path, code } of inRoles)
      if (statements(table).test(code) && roleOf(path) !== owner)
        yield `${path}: has statements on ${table}, which is the ${owner || "migrations"}'s: go through shared/database`;
    const shared = sources.filter(({ path, code }) => /^shared\/database\//.test(path) && statements(table).test(code));
    const found = shared.map(({ path }) => path.replace(/^shared\/database\/(?:tables\/)?/, ""));
    if (found.toSorted().join() !== own.toSorted().join())
      yield `${table}: its statements in shared/database stand in [${found}], the list says [${own}]`;
    const writers = new Set(
      shared.flatMap((file) => writingFunctions(file.code, table).flatMap((name) => callersOf(name, file, inRoles))),
    );
    writers.delete(owner);
    if (owner !== "" && [...writers].toSorted().join() !== others.toSorted().join())
      yield `${table}: besides the ${owner}, [${[...writers]}] write it, the list says [${others}]`;
  }
}

const roleOf = (path: string) => path.split("/")[1] ?? "";
const statements = (table: string) =>
  new RegExp(`\\b(into|update|from|join)\\s+${table}\\b(?!["'.])|\\btable: "${table}"`);
const writes = (table: string) => new RegExp(`\\b(insert into|update|delete from)\\s+${table}\\b`);

/** Names of the functions whose own text writes the table, and of such methods in an object that a function returns. */
function writingFunctions(code: string, table: string): string[] {
  const heads = [...code.matchAll(/^(?:export )?(?:async )?function (\w+)|^ {4}(?:async )?(\w+)(?:\(|: )/gm)];
  return heads.flatMap((head, index) => {
    const own = code.slice(head.index, heads[index + 1]?.index);
    return writes(table).test(own) ? [head[1] ?? head[2] ?? ""] : [];
  });
}

/** The roles that import the file and call the function `name`. */
function callersOf(name: string, { path }: SourceFile, roles: readonly SourceFile[]): string[] {
  return roles
    .filter(({ text }) => text.includes(`"#${path}"`) && new RegExp(`\\b${name}\\(`).test(text))
    .map((file) => roleOf(file.path));
}
