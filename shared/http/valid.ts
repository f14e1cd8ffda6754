import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ProblemError } from "./problem.ts";

/** Where in a request a value stands, and what is wrong with it, in TypeBox's or our words. */
export interface SchemaFault {
  /** As TypeBox writes it: `/limits/cpus`; "" for the whole. */
  readonly path: string;
  readonly message: string;
  /** The schema that the value does not meet. Its `x-expected` says in words what a pattern cannot. */
  readonly schema?: Readonly<Record<string, unknown>>;
}

/** A client's JSON value as its schema's type. @throws ProblemError 422 with {@link faultProblem}'s sentence */
export function valid<S extends TSchema>(schema: S, value: unknown): Static<S> {
  const fault = Value.Errors(schema, value).First();
  if (fault) throw faultProblem(fault);
  return value as Static<S>;
}

/** The refusal of a request: it names the field and what was expected, never the value that was sent. */
export function faultProblem({ path, message, schema }: SchemaFault, part = "body"): ProblemError {
  const field = path.slice(1).replaceAll("/", ".");
  const expected = String(schema?.["x-expected"] ?? message);
  const sentence = `${part}${field ? ` field ${field}` : ""}: ${expected.charAt(0).toLowerCase()}${expected.slice(1)}`;
  return new ProblemError(422, "invalid_request", sentence);
}
