import { Value } from "@sinclair/typebox/value";
import { faultProblem, valid } from "#shared/http/valid.ts";
import { ChallengeSpec } from "#shared/schemas/challenge.ts";

/**
 * `value` as a complete record, defaults filled in.
 *
 * @throws ProblemError 422 that names the field and what was expected
 */
export function parseSpec(value: unknown): ChallengeSpec {
  const complete = valid(ChallengeSpec, Value.Default(ChallengeSpec, structuredClone(value)));
  refuseUnstorable(complete, "");
  return complete;
}

/** `target` with a JSON merge patch (RFC 7396) applied: null removes a member, objects are merged, the rest replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

/** Postgres keeps neither NUL nor half a surrogate pair in JSON. */
function refuseUnstorable(value: unknown, path: string): void {
  if (typeof value === "string") {
    if (value.includes("\0") || !value.isWellFormed())
      throw faultProblem({ path, message: "expected well-formed text without NUL" });
  } else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      refuseUnstorable(name, path);
      refuseUnstorable(member, `${path}/${name}`);
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
