import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ProblemError } from "./problem.ts";

/** Where in a request a value stands, and what is wrong with it, in TypeBox's or our words. */
export interface SchemaFault {
  /** As TypeBox writes it: `/limits/cpus`; "" for the whole. */
  readonly path: string;
  readonly message: string;
}

/** A JSON value of a client as its schema's type. @throws ProblemError 422 with {@link faultProblem}'s sentence */
export function valid<S extends TSchema>(schema: S, value: unknown): Static<S> {
  const fault = Value.Errors(schema, value).First();
  if (fault) throw faultProblem(fault);
  return value as Static<S>;
}

/** The refusal of a request: it names the field and what was expected, never the value that was sent. */
export function faultProblem({ path, message }: SchemaFault, part = "body"): ProblemError {
  const field = path.slice(1).replaceAll("/", ".");
  const sentence = `${part}${field ? ` field ${field}` : ""}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  return new ProblemError(422, "invalid_request", sentence);
}
