/**
 * Rules of the project's style that no linter has. Each rule is a function from the tracked files to sentences.
 * `bun run test/check/tidy.ts [path…]` applies the rules for single files only to these paths.
 */
import { basename, dirname } from "node:path";
import ts from "typescript";
import { catches } from "./catches.ts";
import { unresolvedCitations } from "./citations.ts";
import { dialect } from "./dialect.ts";
import { onePlace } from "./one-place.ts";
import { deadPaths, unlikeTables } from "./readme-tables.ts";
import { sharedUsers } from "./shared-users.ts";
import { sources, texts, tracked } from "./sources.ts";

const file_lines_max = 300;
const function_lines_max = 70;
const folder_files_max = 15;
const topLevel =
  /^(package\.json|bunfig\.toml|tsconfig\.json|bun\.lock|README\.md|LICENSE|roles|shared|deploy|test|\..+)$/;
const strangers = /^(utils?|helpers?|types|common|misc)\.tsx?$/;
const leftOvers = new RegExp(["\\bTO" + "DO\\b", "\\bFIX" + "ME\\b", "\\bX" + "XX\\b", "\\.on" + "ly\\("].join("|"));
const impure = /\b(Date\.now|performance\.now|new Date\(\)|Math\.random|process\.env|Bun\.env)\b/;

function lineCount(text: string): number {
  return text.split("\n").length - 1;
}

function* layout(): Generator<string> {
  for (const entry of new Set(tracked.map((path) => path.split("/")[0] ?? ""))) {
    if (!topLevel.test(entry)) yield `${entry}: does not belong at the top level`;
  }
  for (const { path } of sources) {
    if (strangers.test(basename(path))) yield `${path}: name the file after its subject`;
  }
}

function* sizes(): Generator<string> {
  for (const { path, text } of sources) {
    if (lineCount(text) > file_lines_max)
      yield `${path}: ${lineCount(text)} lines, at most ${file_lines_max}: split it by subject`;
  }
}

function* folders(): Generator<string> {
  const sourcePaths = tracked.filter((path) => /\.tsx?$/.test(path));
  for (const [folder, paths] of Map.groupBy(sourcePaths, dirname))
    if (paths.length > folder_files_max)
      yield `${folder}: ${paths.length} files, at most ${folder_files_max}: which rooms does it hold?`;
}

function* words(): Generator<string> {
  for (const { path, text } of sources) {
    const line = text.split("\n").findIndex((l) => leftOvers.test(l));
    if (line >= 0) yield `${path}:${line + 1}: a left-over`;
  }
}

function* purity(): Generator<string> {
  for (const { path, text } of sources) {
    const pure = /^shared\/(weights|archive)\//.test(path) || /-spec\.ts$/.test(path);
    if (pure && impure.test(text)) yield `${path}: must be pure: no clock, no chance, no environment`;
  }
}

function* functions(): Generator<string> {
  for (const { path, text } of sources) {
    if (path.startsWith("test/")) continue;
    const parsed = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const lineOf = (position: number) => parsed.getLineAndCharacterOfPosition(position).line + 1;
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && "body" in node && node.body) {
        const lines = lineOf(node.getEnd()) - lineOf(node.getStart()) + 1;
        if (lines > function_lines_max)
          found.push(`${path}:${lineOf(node.getStart())}: a function of ${lines} lines, at most ${function_lines_max}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(parsed);
    yield* found;
    if (path.startsWith("shared/")) yield* undocumented(path, parsed, lineOf);
  }
}

function* undocumented(path: string, parsed: ts.SourceFile, lineOf: (position: number) => number): Generator<string> {
  for (const statement of parsed.statements) {
    const isPublicFunction =
      ts.isFunctionDeclaration(statement) && statement.modifiers?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword);
    if (isPublicFunction && ts.getJSDocCommentsAndTags(statement).length === 0) {
      yield `${path}:${lineOf(statement.getStart())}: a public function of shared/ without a docstring`;
    }
  }
}

/** Rules for the project as a whole: a change of one file can make wrong what another file says of it. */
function* documents(): Generator<string> {
  const all = texts();
  // The tests of this rule contain wrong citations on purpose.
  yield* unresolvedCitations(all.filter(({ path }) => path !== "test/unit/check/citations.test.ts"));
  yield* unlikeTables(all);
  yield* deadPaths(all);
}

const findings = [
  ...layout(),
  ...sizes(),
  ...folders(),
  ...words(),
  ...purity(),
  ...functions(),
  ...catches(sources),
  ...dialect(sources),
  ...onePlace(sources),
  ...sharedUsers(sources),
  ...documents(),
];
process.stdout.write(findings.map((finding) => `${finding}\n`).join(""));
process.exit(findings.length === 0 ? 0 : 1);
