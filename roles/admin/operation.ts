import { type TSchema, Type } from "@sinclair/typebox";
import { Problem } from "#shared/schemas/problem.ts";

const sentences: Readonly<Record<number, string>> = {
  400: "The request is not well-formed.",
  401: "The token is missing, unknown, expired or revoked.",
  403: "The token's scope does not suffice.",
  404: "There is no such thing.",
  409: "The present state does not allow it.",
  422: "The request does not match its schema.",
  503: "It cannot be answered now.",
};

export interface Operation {
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly answer?: TSchema;
  readonly status?: number;
  readonly contentType?: string;
  readonly refusals?: readonly number[];
  /** Public reads need no token. */
  readonly isPublic?: boolean;
}

/** A route's part of the OpenAPI document. Answers are not checked against it at run time: the contract tests do. */
export function operation({ tag, summary, description, answer, status = 200, refusals = [], ...rest }: Operation) {
  const usual = rest.isPublic ? [400] : [400, 401, 403];
  const answered = answer ? { content: { [rest.contentType ?? "application/json"]: { schema: plain(answer) } } } : {};
  return {
    detail: {
      tags: [tag],
      summary,
      ...(description ? { description } : {}),
      ...(rest.isPublic ? { security: [] } : {}),
      responses: {
        [status]: { description: answer?.description ?? "done", ...answered },
        ...Object.fromEntries([...usual, ...refusals].map((refusal) => [refusal, problemAnswer(refusal)])),
      },
    },
  };
}

function problemAnswer(status: number) {
  return {
    description: sentences[status] ?? "It failed.",
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
}

/** A list's page: `{ items, next_cursor }`. */
export function PageOf(item: TSchema) {
  return Type.Object(
    {
      items: Type.Array(item),
      next_cursor: Type.Union([Type.String(), Type.Null()], {
        description: "send it as cursor to read on; null: the end",
      }),
    },
    { description: "one page" },
  );
}

export const componentSchemas = { Problem: plain(Problem) };

/** The schema without TypeBox's own symbols. */
export function plain(schema: TSchema): Record<string, never> {
  return JSON.parse(JSON.stringify(schema));
}
