import ts from "typescript";
import type { SourceFile } from "./sources.ts";

const parameters_max = 4;
/** Packing many small files is mostly its `header`: five plain arguments, and no object for each header. */
const exempt = /^shared\/archive\/tar\/tar-writer\.ts$/;

/** How our own names and shapes are written: one way everywhere, so that nobody has to ask which. */
export function* dialect(files: readonly SourceFile[]): Generator<string> {
  for (const { path, text } of files) {
    if (exempt.test(path)) continue;
    const parsed = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      const problem = parameters(node) ?? dodge(node) ?? constant(node);
      const { line } = parsed.getLineAndCharacterOfPosition(node.getStart());
      if (problem !== undefined) found.push(`${path}:${line + 1}: ${problem}`);
      ts.forEachChild(node, visit);
    };
    visit(parsed);
    yield* found;
  }
}

/** A function that is handed to a call has the parameters that the called one dictates: a row of `test.each`, a property. */
function parameters(node: ts.Node): string | undefined {
  if (!ts.isFunctionLike(node) || node.parameters.length <= parameters_max) return undefined;
  const isDictated = ts.isArrowFunction(node) && ts.isCallExpression(node.parent);
  return isDictated ? undefined : `a function of ${node.parameters.length} parameters, at most ${parameters_max}`;
}

/** A literal spread into a literal of its kind says nothing: it only keeps the formatter from one line a member. */
function dodge(node: ts.Node): string | undefined {
  const isObject = ts.isSpreadAssignment(node) && ts.isObjectLiteralExpression(node.expression);
  const isArray =
    ts.isSpreadElement(node) &&
    ts.isArrayLiteralExpression(node.expression) &&
    ts.isArrayLiteralExpression(node.parent);
  return isObject || isArray ? "a literal spread into a literal: write its members" : undefined;
}

/** Names that the build defines (`declare const`) are the build's. */
function constant(node: ts.Node): string | undefined {
  if (!ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name) || !/^[A-Z][A-Z0-9_]+$/.test(node.name.text))
    return undefined;
  const statement = node.parent.parent;
  const isDeclared = ts.isVariableStatement(statement) && ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Ambient;
  return isDeclared
    ? undefined
    : `${node.name.text}: quantities are snake_case with their unit last, other constants camelCase`;
}
