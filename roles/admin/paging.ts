import { Type } from "@sinclair/typebox";
import { ProblemError } from "#shared/http/problem.ts";

const limit_default = 50;
const limit_max = 200;

/** The query of every list. */
export const PageQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: "^[1-9][0-9]{0,2}$", description: `1 to ${limit_max}, ${limit_default} when left out` }),
    ),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: "next_cursor of the page before" })),
  },
  { additionalProperties: false },
);

export interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

export function limitOf({ limit }: { readonly limit?: string }): number {
  const asked = Number(limit ?? limit_default);
  if (asked > limit_max)
    throw new ProblemError(422, "invalid_request", `query field limit: expected ${limit_max} or less`);
  return asked;
}

/** The cursor of a list that is sorted by a number: the audit log, the epochs. */
export function numberCursorOf({ cursor }: { readonly cursor?: string }): number | undefined {
  if (cursor === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(cursor))
    throw new ProblemError(422, "invalid_request", "query field cursor: expected next_cursor of this list");
  return Number(cursor);
}

/** The page of `rows`. The caller reads one row more than `limit`: it tells whether there is another page. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  cursorOf: (row: R) => string,
  show: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(show), next_cursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
