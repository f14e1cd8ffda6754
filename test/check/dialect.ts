import ts from "typescript";
import type { SourceFile } from "./sources.ts";

const parameters_max = 4;
/** The tar writer spends most of its time in `header`. So `header` has five plain arguments, and no call makes an object. */
const exempt = /^shared\/archive\/tar\/tar-writer\.ts$/;

/** Finds names and shapes that are not written in the project's one way. */
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

/**
 * Finds too many parameters. Allowed is an arrow function given to a call, which dictates its parameters: `test.each`,
 * a property.
 */
function parameters(node: ts.Node): string | undefined {
  if (!ts.isFunctionLike(node) || node.parameters.length <= parameters_max) return undefined;
  const isDictated = ts.isArrowFunction(node) && ts.isCallExpression(node.parent);
  return isDictated ? undefined : `a function of ${node.parameters.length} parameters, at most ${parameters_max}`;
}

/** Finds a literal spread into a literal of its kind. It only keeps the formatter from writing one line for each member. */
function dodge(node: ts.Node): string | undefined {
  const isObject = ts.isSpreadAssignment(node) && ts.isObjectLiteralExpression(node.expression);
  const isArray =
    ts.isSpreadElement(node) &&
    ts.isArrayLiteralExpression(node.expression) &&
    ts.isArrayLiteralExpression(node.parent);
  return isObject || isArray ? "a literal spread into a literal: write its members" : undefined;
}

/** Finds constants in capitals. Allowed are constants that the build defines (`declare const`). */
function constant(node: ts.Node): string | undefined {
  if (!ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name) || !/^[A-Z][A-Z0-9_]+$/.test(node.name.text))
    return undefined;
  const statement = node.parent.parent;
  const isDeclared = ts.isVariableStatement(statement) && ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Ambient;
  return isDeclared
    ? undefined
    : `${node.name.text}: quantities are snake_case with their unit last, other constants camelCase`;
}
