import ts from "typescript";
import type { SourceFile } from "./sources.ts";

/**
 * Finds each `catch` that does not look at the error. It would take every error for the one it expects, even a fault in our
 * code or a database that does not answer.
 */
export function* catches(files: readonly SourceFile[]): Generator<string> {
  for (const { path, text } of files) {
    if (path.startsWith("test/")) continue;
    const parsed = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const blind: number[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isCatchClause(node) && !looksAtError(node)) blind.push(node.getStart());
      ts.forEachChild(node, visit);
    };
    visit(parsed);
    for (const position of blind) {
      const line = parsed.getLineAndCharacterOfPosition(position).line + 1;
      yield `${path}:${line}: a catch that does not look at its error: name what is expected and rethrow the rest`;
    }
  }
}

function looksAtError({ variableDeclaration, block }: ts.CatchClause): boolean {
  if (!variableDeclaration) return false;
  const names = new Set<string>();
  const collect = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, collect);
  };
  collect(variableDeclaration.name);
  let isUsed = false;
  const look = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && names.has(node.text)) isUsed = true;
    ts.forEachChild(node, look);
  };
  look(block);
  return isUsed;
}
